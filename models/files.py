"""Reading a file of tensors without running code that it may hold; nothing of it is believed before it is looked at.

Files come from other people. Torch refuses those that would run code when they are read; what is left can still lead
a kernel out of its memory, never end (a list that holds itself) or pass nonsense for a network.
"""

import importlib
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from configs.errors import UserError
from configs.regular import open_regular

MOST_LEVELS = 16
"""Dicts and lists inside one another; our own files have seven."""
MOST_ENTRIES = 2_000_000
"""Values in a file, those of shared lists counted each time: a few hundred bytes can stand for billions of them."""
MOST_SHARING = 1 << 28
"""Values of a tensor that may lie in the memory of fewer: four bytes can stand for terabytes."""
FLOATS = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
DTYPES = FLOATS | {torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}
SAFETENSORS = ".safetensors"
BEGINNING = b"PK\3\4"
"""Of what ``torch.save`` writes, a ZIP archive."""


class Unsound(Exception):
    """Something that no such file holds; the message says where and what, without the file's name."""


class CutShort(UserError):
    """A file that ends too early, so that nothing of it can be read."""


def load_plain(path: Path, what: str) -> Any:
    """What a file of plain values and plain tensors holds, on the CPU.

    Args:
        path: written by ``torch.save``, or ``.safetensors`` where that package is installed.
        what: the kind of file, for messages ("checkpoint").

    Raises:
        UserError: no such file; not one of plain tensors; one that would run code when unpickled.
        CutShort: only the beginning of one is there.
    """
    try:
        _check_whole(path)
        if path.suffix == SAFETENSORS:
            content = _safetensors(path)
        else:
            with warnings.catch_warnings(action="ignore"):  # about files that are refused in a moment
                content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"no such {what}: {path}") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path}: refused: it is damaged, or holds more than tensors and plain values and could run code "
            f"when read; name another file"
        ) from error
    except UserError:
        raise
    except Exception as error:  # whatever damaged or hostile bytes lead the unpickler to
        problem = type(error).__name__
        raise UserError(f"{path}: not a {what}, or damaged ({problem}); name another file") from error
    try:
        check_plain(content)
    except Unsound as error:
        raise UserError(f"{path}: not a {what}: {error}; name another file") from error
    return content


def _check_whole(path: Path) -> None:
    """See that an archive has its end, which torch, depending on the place of the cut, calls anything.

    Raises:
        CutShort: it has not, or the file is empty.
        OSError: it cannot be read.
    """
    with open_regular(path) as file:
        head = file.read(len(BEGINNING))
        if BEGINNING.startswith(head) and not zipfile.is_zipfile(file):
            raise CutShort(
                f"{path}: damaged or cut short: its end is missing after {file.seek(0, 2):,} bytes; "
                f"put back a copy of it, or make it anew"
            )


def check_plain(content: object) -> None:
    """See that content is made of plain values and plain tensors only, of bounded depth and number.

    Raises:
        Unsound: naming the place.
    """
    left = MOST_ENTRIES
    open_: list[tuple[str, object, int]] = [("", content, 0)]
    while open_:
        where, value, level = open_.pop()
        left -= 1
        if left < 0:
            raise Unsound(f"more than {MOST_ENTRIES:,} values")
        if level > MOST_LEVELS:
            raise Unsound(f"'{where[:80]}...' is nested more than {MOST_LEVELS} levels deep, perhaps in itself")
        if isinstance(value, Tensor):
            check_tensor(value, where)
        elif isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str | int | bool):
                    raise Unsound(f"'{where}' has a key of type {type(key).__name__}")
            open_ += [(f"{where}.{key}" if where else f"{key}", entry, level + 1) for key, entry in value.items()]
        elif isinstance(value, list | tuple):
            open_ += [(f"{where}[{index}]", entry, level + 1) for index, entry in enumerate(value)]
        elif value is not None and not isinstance(value, bool | int | float | str):
            raise Unsound(f"'{where}' is a {type(value).__name__}, neither a tensor nor a plain value")


def check_tensor(tensor: Tensor, name: str) -> None:
    """See that a tensor lies in memory as ours do: dense, with data, of a plain type.

    Raises:
        Unsound: it is sparse, quantised, on no device, nested, of a type that networks do not have, or so much larger
            than the memory that it lies in that looking at it would take all there is.
    """
    if tensor.is_meta:
        raise Unsound(f"the tensor '{name}' has no data (meta)")
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_nested or tensor.dtype not in DTYPES:
        raise Unsound(f"the tensor '{name}' is {_describe(tensor)}; plain dense numbers are needed")
    if tensor.numel() > MOST_SHARING and tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise Unsound(f"the {tensor.numel():,} values of the tensor '{name}' share memory; a layer has fewer")


def first_not_finite(state: Mapping[str, Tensor]) -> str | None:
    """The name of the first tensor that holds an infinity or NaN; None if all are finite."""
    for name, tensor in state.items():
        if tensor.dtype in FLOATS and not tensor.is_meta and not bool(torch.isfinite(tensor).all()):
            return name
    return None


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        library = importlib.import_module("safetensors.torch")
    except ImportError as error:
        raise UserError(f"{path}: the package safetensors is not installed; run: pip install safetensors") from error
    return library.load_file(path)


def _describe(tensor: Tensor) -> str:
    return f"{'quantised' if tensor.is_quantized else tensor.layout} of {tensor.dtype}"

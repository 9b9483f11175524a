"""A device beside the CPU, for machines that have none: it mixes tensors no more than a GPU does, and counts waits.

Its tensors keep their numbers in the CPU's memory, and its kernels are the CPU's. But they say that they are elsewhere;
they meet the CPU's in no operation but a copy, and in no other than a GPU's would; random numbers are not drawn for
them with a generator of the CPU's; and whatever brings a number to the host, for which a GPU is waited for, is noted.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

DEVICE = torch.device("meta")
"""A name of a device that torch knows and does nothing for by itself."""
ops = torch.ops.aten
CROSSING = {ops._to_copy.default, ops.copy_.default}
INDEXING, INDICES = {ops.index.Tensor, ops.index_put_.default}, {torch.int64, torch.bool}
"""Positions may lie on the CPU, as for a GPU's tensors."""
WAITING = {ops._local_scalar_dense.default, ops.nonzero.default, ops.masked_select.default, ops.bincount.default}
"""What ends only when the device has done all that it was given."""


class There(Tensor):
    """A tensor of the device.

    Attributes:
        here: the CPU's tensor with its numbers.
    """

    here: Tensor

    @staticmethod
    def __new__(cls, here: Tensor) -> "There":
        options = {"strides": here.stride(), "storage_offset": here.storage_offset(), "dtype": here.dtype}
        made = Tensor._make_wrapper_subclass(cls, here.shape, device=DEVICE, **options)  # type: ignore[attr-defined]
        made.here = here
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Sequence = (), kwargs: Mapping | None = None) -> Any:
        return _calculated(func, args, kwargs or {}, [])

    @property
    def is_cuda(self) -> bool:  # type: ignore[override]
        return True  # so that it is treated as a GPU's tensors are

    @property
    def data(self) -> Tensor:  # type: ignore[override]
        return self.detach()

    @data.setter
    def data(self, value: "There") -> None:
        Tensor.data.__set__(self, value)  # type: ignore[attr-defined]
        self.here = value.here.detach()

    def tolist(self) -> Any:
        return self.cpu().tolist()  # torch has it for tensors of its own class alone

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.here.__reduce_ex__(protocol)  # into a file


class SecondDevice(TorchDispatchMode):
    """Inside, tensors can be made on the device.

    Attributes:
        waits: the operations that the device was waited for, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence = (), kwargs: Mapping | None = None) -> Any:
        kwargs = kwargs or {}
        named = kwargs.get("device")
        if (named is not None and torch.device(named) == DEVICE) or _any_there(args) or _any_there(kwargs.values()):
            return _calculated(func, args, kwargs, self.waits)
        return func(*args, **kwargs)


class _FromPython(TorchFunctionMode):
    """Numbers of Python's go to the device by way of the CPU; torch itself would not read them for this device."""

    def __torch_function__(self, func: Any, types: Any, args: Sequence = (), kwargs: Mapping | None = None) -> Any:
        options = dict(kwargs or {})
        if func in (torch.tensor, torch.as_tensor) and options.get("device") == DEVICE:
            return func(*args, **{**options, "device": "cpu"}).to(DEVICE)
        if not (args and isinstance(args[0], There)):
            return func(*args, **options)
        if func is Tensor.new_tensor:
            return torch.tensor(args[1], dtype=options.get("dtype", args[0].dtype)).to(DEVICE)
        if func in (Tensor.__getitem__, Tensor.__setitem__):
            places = args[1] if isinstance(args[1], tuple) else (args[1],)
            places = tuple(torch.tensor(place) if isinstance(place, list) else place for place in places)
            return func(args[0], places, *args[2:])
        return func(*args, **options)


@contextmanager
def second_device() -> Iterator[SecondDevice]:
    """The device is there inside."""
    with pytest.MonkeyPatch.context() as patch, _FromPython(), SecondDevice() as device:
        supported = ["cpu", DEVICE.type]
        patch.setattr(sys.modules["torch.optim.optimizer"], "_get_fused_kernels_supported_devices", lambda: supported)
        yield device


def _calculated(func: Any, args: Sequence, kwargs: Mapping[str, Any], waits: list[str]) -> Any:
    """What the CPU makes of it, on the device unless another one is asked for."""
    flat, shape = tree_flatten((args, kwargs))
    if func not in CROSSING:
        _check(func, flat)
    away = kwargs.get("device") is not None and torch.device(kwargs["device"]) != DEVICE
    if func is ops.copy_.default and not isinstance(args[0], There):
        waits.append(str(func))
        return args[0].copy_(args[1].here)
    if away or func in WAITING or (func is ops.index.Tensor and any(_is_mask(value) for value in flat)):
        waits.append(str(func))
    given, named = tree_unflatten([value.here if isinstance(value, There) else value for value in flat], shape)
    if named.get("device") is not None:
        named = {**named, "device": torch.device("cpu")}
    out = func(*given, **named)
    if away:
        return out
    made = tree_map(lambda value: There(value) if isinstance(value, Tensor) else value, out)
    return return_and_correct_aliasing(func, args, kwargs, made)


def _check(func: Any, flat: Sequence[Any]) -> None:
    """As a GPU's operations do: numbers alone, tensors of no dimension, may come from the CPU."""
    for place, value in enumerate(flat):
        if isinstance(value, torch.Generator):
            raise RuntimeError(f"{func}: expected a generator of the device, and found one of the CPU")
        if not isinstance(value, Tensor) or isinstance(value, There) or value.dim() == 0:
            continue
        if not (func in INDEXING and place > 0 and value.dtype in INDICES):
            raise RuntimeError(f"{func}: expected all tensors to be on the same device, and found one on the CPU")


def _any_there(values: Iterable[Any]) -> bool:
    return any(
        isinstance(value, There) or (isinstance(value, list | tuple) and _any_there(value)) for value in values
    )


def _is_mask(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dtype == torch.bool

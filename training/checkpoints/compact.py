"""The compact form of a checkpoint: masks as bits, deflated, and of masked weights only those that are kept.

It is read wherever a checkpoint is (``checkpoint.read_checkpoint``). Weights that are kept, masks and all else come
back bit for bit; stored values of masked weights, which have no part in what the network computes, come back as 0.

A mask that keeps one weight in ten at random holds 0.47 bits a weight; deflated it takes 0.48, where a bool takes 8.
"""

import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.checkpoints.checking import FLOATS, Unsound

FORMAT = "meta-sparse compact"
MOST_TO_ONE = 1000
"""Masked weights to a byte of what the file holds for them: a small file may not ask for any amount of memory."""


def pack(content: Mapping[str, Any]) -> dict[str, Any]:
    """A checkpoint's content in its compact form.

    Args:
        content: ``weights``, ``masks`` and other entries, which stay as they are.
    """
    masks: dict[str, Tensor] = content["masks"]
    weights = {
        name: tensor.detach().cpu()[masks[name].cpu()] if name in masks else tensor.detach().cpu().clone()
        for name, tensor in content["weights"].items()
    }
    return {
        **content,
        "format": FORMAT,
        "weights": weights,
        "masks": {name: _to_bytes(mask) for name, mask in masks.items()},
        "shapes": {name: list(mask.shape) for name, mask in masks.items()},
    }


def unpack(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a checkpoint from its compact form, which has been looked at by ``checking.check_plain``.

    Raises:
        Unsound: shapes, masks and weights do not belong together.
    """
    weights, packed, shapes = (content.get(key) for key in ("weights", "masks", "shapes"))
    if not all(isinstance(part, Mapping) for part in (weights, packed, shapes)):
        raise Unsound("it lacks weights, masks or shapes")
    assert weights is not None and packed is not None and shapes is not None
    if set(packed) != set(shapes) or not set(packed) <= set(weights):
        raise Unsound("masks, shapes and weights are not of the same layers")
    _check_sizes(weights, packed, shapes)
    masks = {name: _to_mask(packed[name], shapes[name], name) for name in packed}
    whole = {
        name: _spread(tensor, masks[name], name) if name in masks else tensor for name, tensor in weights.items()
    }
    rest = {key: value for key, value in content.items() if key != "shapes"}
    return {**rest, "weights": whole, "masks": masks}


def _check_sizes(weights: Mapping[str, Any], packed: Mapping[str, Any], shapes: Mapping[str, Any]) -> None:
    wanted = held = 0
    for name, shape in shapes.items():
        if not isinstance(shape, list) or not all(type(size) is int and size > 0 for size in shape):
            raise Unsound(f"the shape of '{name}' is not one")
        for part in (weights[name], packed[name]):
            if not isinstance(part, Tensor) or part.dim() != 1:
                raise Unsound(f"'{name}' is not packed")
            held += part.numel() * part.element_size()
        wanted += math.prod(shape)
    if wanted > MOST_TO_ONE * (held + 1):
        raise Unsound(f"{wanted:,} weights from {held:,} bytes are more than a network has")


def _to_bytes(mask: Tensor) -> Tensor:
    bits = np.packbits(mask.cpu().numpy().reshape(-1)).tobytes()
    # Random bits have nothing but their bytes' frequencies to save by; of whole channels there are long runs.
    deflated = min((_deflate(bits, strategy) for strategy in (zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE)), key=len)
    return torch.frombuffer(bytearray(deflated), dtype=torch.uint8)


def _deflate(data: bytes, strategy: int) -> bytes:
    writer = zlib.compressobj(strategy=strategy)
    return writer.compress(data) + writer.flush()


def _to_mask(packed: Tensor, shape: list[int], name: str) -> Tensor:
    numel = math.prod(shape)
    size = (numel + 7) // 8
    try:
        if packed.dtype != torch.uint8:
            raise ValueError("not bytes")
        reader = zlib.decompressobj()
        found = reader.decompress(packed.numpy().tobytes(), size + 1)
        if len(found) != size:
            raise ValueError("of another length")
    except (ValueError, zlib.error) as error:
        raise Unsound(f"the mask of '{name}' is damaged ({error})") from error
    bits = np.unpackbits(np.frombuffer(found, np.uint8), count=numel)
    return torch.from_numpy(bits.astype(bool)).view(shape)


def _spread(kept: Tensor, mask: Tensor, name: str) -> Tensor:
    if kept.dtype not in FLOATS or len(kept) != int(mask.count_nonzero()):
        raise Unsound(f"'{name}' has not as many weights as its mask keeps")
    whole = torch.zeros(mask.shape, dtype=kept.dtype)
    whole[mask] = kept
    return whole

"""Seeded damage: to bytes, to text, and to nested values such as JSON, settings and checkpoints."""

import copy
import random
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

WORDS = (
    "", "~", "null", ".nan", ".inf", "-.inf", "1e400", "0x_", "010", "1_000", "1:30", "on", "-1", "0", "1.5", "true",
    "[]", "{}", "9" * 5000, "1000000000000", "2024-99-99", "!!python/object:os.system ls", "!!int x", "&a [*a]", "*a",
    "[" * 3000, "{a: 1, a: 2}", "\0", "\ud800", "../..", "/dev/zero", "/dev/full", "nan", "os:system", ":", "x:y",
    "a" * 300, "é\n\t", "$x$",
)  # fmt: skip
"""What has no business where a setting, a flag or a name is expected."""
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**63, 10**400, 1.5, float("nan"), float("inf"), -0.0, "", "x", "../../etc/passwd",
    "/dev/zero", "a" * 5000, "\ud800", "\0", "$\\frac{$", [], {}, [[]], {"": 1}, [None] * 3,
)  # fmt: skip


def damaged_bytes(rng: random.Random, content: bytes) -> bytes:
    """A bit flipped, some bytes overwritten, a part cut off, left out, doubled, or nothing left."""
    content = bytearray(content)
    if not content:
        return b"\0"
    place, length = rng.randrange(len(content)), rng.randint(1, 64)
    match rng.randrange(7):
        case 0 | 1:
            content[place] ^= 1 << rng.randrange(8)
        case 2:
            content[place : place + length] = rng.randbytes(length)
        case 3:
            del content[place:]
        case 4:
            del content[place : place + length]
        case 5:
            content[place:place] = content[place : place + length]
        case 6:
            content = bytearray(rng.choice([b"", b"\0" * 100, b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", rng.randbytes(200)]))
    return bytes(content)


def damaged_text(rng: random.Random, text: str) -> str:
    """A line lost, doubled, moved or indented, or a word replaced."""
    lines = text.splitlines()
    row, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(6):
        case 0:
            del lines[row]
        case 1:
            lines.insert(other, lines[row])
        case 2:
            lines[row] = "  " + lines[row]
        case 3 | 4:
            key = lines[row].partition(":")[0]
            lines[row] = f"{key}: {rng.choice(WORDS)}"
        case 5:
            lines[row] = lines[row].replace(rng.choice(": ,[]-#"), rng.choice(WORDS), 1)
    return "\n".join(lines)


def damaged_tree(rng: random.Random, tree: Any, values: Callable[[random.Random, Any], Any]) -> Any:
    """A copy in which one to three places hold something else, are gone, are doubled or are exchanged.

    Args:
        tree: dicts and lists of anything.
        values: what to put in a place, given what is there.
    """
    tree = copy.deepcopy(tree)
    for _ in range(rng.randint(1, 3)):
        node, key = _place(rng, tree)
        if node is None:
            return values(rng, tree)
        match rng.randrange(5):
            case 0:
                del node[key]
            case 1 if isinstance(node, list):
                node.insert(key, copy.deepcopy(node[key]))
            case 2 if isinstance(node, list):
                other = rng.randrange(len(node))
                node[key], node[other] = node[other], node[key]
            case _:
                node[key] = values(rng, node[key])
    return tree


def _place(rng: random.Random, tree: Any) -> tuple[Any, Any]:
    """A container and a key of it, chosen on a walk from the root that may end anywhere."""
    found: tuple[Any, Any] = (None, None)
    while isinstance(tree, dict | list) and tree:
        key = rng.choice(list(tree)) if isinstance(tree, dict) else rng.randrange(len(tree))
        found, tree = (tree, key), tree[key]
        if rng.random() < 0.15:
            break
    return found


def other_value(rng: random.Random, old: Any) -> Any:
    """Something that JSON or YAML may hold, mostly not what belongs there."""
    return copy.deepcopy(rng.choice(VALUES))


def other_tensor(rng: random.Random, old: Any) -> Any:
    """Of a tensor another shape, type, layout or content; of anything else another plain value."""
    if not isinstance(old, Tensor) or rng.random() < 0.2:
        return other_value(rng, old)
    match rng.randrange(9):
        case 0:
            return old.to(rng.choice([torch.float64, torch.int8, torch.bool, torch.complex64]))
        case 1:
            return old.reshape(-1)[: rng.randrange(old.numel() + 1)].clone()
        case 2:
            return torch.full_like(old, rng.choice([float("nan"), float("inf")])) if old.is_floating_point() else ~old
        case 3:
            return old.to_sparse() if old.ndim else old
        case 4:
            return old.to("meta")
        case 5:
            return torch.zeros(1).expand(1 << 40)  # four terabytes, of which four bytes are kept
        case 6:
            return torch.nn.Parameter(old.float())
        case 7:
            return old.unsqueeze(0)
        case _:
            with warnings.catch_warnings(action="ignore"):
                return torch.quantize_per_tensor(old.float(), 1.0, 0, torch.qint8)

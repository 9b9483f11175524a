"""Where in a backbone features are read: a module by its name, or how far down it lies."""

import math

from torch import nn

from configs import UserError

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
LISTS = (nn.ModuleList, nn.ModuleDict)
"""Nothing enters these: their parts are called one by one."""


def module_at(backbone: nn.Module, depth: str | float) -> str:
    """The name of the module that is meant.

    Args:
        depth: its name; or a share in (0, 1): of n blocks, in the order in which the backbone names them, the one
            before which that share of them lies, number floor(n depth) from 0.

    Raises:
        UserError: nothing enters a module of that name, or the backbone is one block and has no inside.
    """
    named = [(name, module) for name, module in backbone.named_modules() if name]
    entered = [name for name, module in named if not isinstance(module, LISTS)]
    if isinstance(depth, str):
        if depth not in entered:
            larger = [name for name, module in named if name in entered and any(module.children())]
            raise UserError(f"nothing enters '{depth}'; choose from {', '.join(larger or entered)}")
        return depth
    in_rows = [name for name, _ in named if is_block(backbone, name)]
    blocks = [name for name in in_rows if not any(other.startswith(f"{name}.") for other in in_rows)]
    blocks = blocks or [name for name, module in named if any(True for _ in module.parameters(recurse=False))]
    if not blocks:
        raise UserError(f"the backbone has no blocks to count; name one of {', '.join(entered) or 'its modules'}")
    return blocks[math.floor(len(blocks) * depth)]


def is_block(backbone: nn.Module, name: str) -> bool:
    """Whether a module is one of a row, and made of others that it does more with than to hold, as a residual block is.

    Parts of blocks that are made of others, such as the perceptron of a transformer's, stand in no row.
    """
    module, parent = backbone.get_submodule(name), backbone.get_submodule(name.rpartition(".")[0])
    in_row = isinstance(parent, CONTAINERS) and not isinstance(module, CONTAINERS)
    return in_row and any(True for _ in module.children())

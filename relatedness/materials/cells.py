"""Targets and features as rows of numbers, one for each cell of a coarse grid over each picture, for linear maps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from configs import UserError
from dataloaders.batches.fetching import seeded_generator
from models import MultitaskNet
from prune_utils.modes import training_mode
from runtime.passes import scoring_batch_size, seed_batch
from tasks import Task

if TYPE_CHECKING:
    from relatedness.study import Part, Study

MOST_CELLS = 1 << 16
"""Of more cells than this in all batches of a part, some of each picture are drawn: linear maps need no more."""
CELLS = 3
"""What a seeded generator is for."""


@dataclass(frozen=True)
class Pooled:
    """Targets in n cells of P pictures, in the order of the batches.

    Attributes:
        values: role -> [P, n, C], averaged over the valid pixels of a cell; tasks that have no numbers are not here.
        shares: role -> [P, n], the share of valid pixels.
    """

    values: dict[str, Tensor]
    shares: dict[str, Tensor]


@dataclass(frozen=True)
class Features:
    """Features in n cells of P pictures.

    Attributes:
        values: [P, n, C].
        grid: height and width of the map that they are of; ``Study.pooled`` of the same grid has the same cells.
    """

    values: Tensor
    grid: tuple[int, int]


def has_numbers(task: Task) -> bool:
    """Whether a kind of task says what its targets are as numbers."""
    return type(task).pooled_targets is not Task.pooled_targets


def too_few_numbers(study: "Study") -> str | None:
    """What is wrong where fewer than two tasks have numbers; None if nothing is."""
    if sum(map(has_numbers, study.setup.tasks.values())) < 2:
        return "fewer than two of the tasks have targets that are numbers (see Task.pooled_targets)"
    return None


def without_numbers(study: "Study") -> list[str]:
    """A remark for each task that has none."""
    without = [name for name, task in study.setup.tasks.items() if not has_numbers(task)]
    return [f"{name} is left out: its kind has no pooled_targets" for name in without]


@torch.no_grad()
def pooled_targets(study: "Study", part: "Part", grid: tuple[int, int]) -> Pooled:
    """The targets of every role that has numbers, on the CPU; see ``Study.pooled``."""
    found: dict[int, dict[str, tuple[Tensor, Tensor]]] = {}
    for number, batch in study.batches(part):
        cells = _chosen(study, part, number, grid)
        found[number] = {}
        for role in study.roles:
            pooled = role.task.pooled_targets(role.view(batch), *grid)
            if pooled is not None:
                values, share = pooled
                found[number][role.name] = _rows(values, cells), _rows(share, cells)[..., 0]
    return _joined(study.from_all(found))


@torch.no_grad()
def backbone_features(study: "Study", net: MultitaskNet, part: "Part", depth: str | None = None) -> Features:
    """What a network's backbone makes of a part's pictures, in training mode as when scoring, on the CPU.

    Args:
        depth: a module of the backbone; the features as they enter it. None: the backbone's output.

    Raises:
        UserError: what enters the module is no map.
    """
    found: dict[int, tuple[Tensor, tuple[int, int]]] = {}
    with training_mode(net):
        for number, batch in study.batches(part):
            seed_batch(study.seed, number)
            with study.setup.runtime.autocast():
                features = net.backbone(batch["img"]) if depth is None else entering(net.backbone, depth, batch["img"])
            height, width = features.shape[-2:]
            found[number] = _rows(features, _chosen(study, part, number, (height, width))), (height, width)
    study.products.count_passes(len(study.numbers(part)), 0)
    values, grids = zip(*study.from_all(found), strict=True)
    return Features(torch.cat(values), grids[0])


def entering(backbone: nn.Module, depth: str, images: Tensor) -> Tensor:
    """The map [N, C, h, w] that a module of a backbone is given for some images; where it runs twice, the last.

    Raises:
        UserError: the module is given no such map.
    """
    caught: list[Tensor] = []

    def keep(_: nn.Module, inputs: tuple) -> None:
        maps = [value for value in inputs if isinstance(value, Tensor) and value.ndim == 4]
        caught.extend(value.clone() for value in maps[:1])  # what comes next may overwrite it

    hook = backbone.get_submodule(depth).register_forward_pre_hook(keep)
    try:
        backbone(images)
    finally:
        hook.remove()
    if not caught:
        raise UserError(f"no map [N, C, h, w] enters the backbone's module '{depth}'; name another as depth")
    return caught[-1]


def _chosen(study: "Study", part: "Part", number: int, grid: tuple[int, int]) -> Tensor:
    """Which cells of each picture of a batch are looked at, [N, n]; the same for targets and features."""
    size, cells = scoring_batch_size(study.setup), grid[0] * grid[1]
    few = max(1, MOST_CELLS // (size * len(study.numbers(part))))
    if cells <= few:
        return torch.arange(cells).expand(size, cells)
    generator = seeded_generator(study.seed, CELLS, number)
    return torch.rand(size, cells, generator=generator).argsort(1)[:, :few]


def _rows(maps: Tensor, cells: Tensor) -> Tensor:
    """Of maps [N, C, h, w], the cells [N, n] as float32 [N, n, C]."""
    rows = maps.float().flatten(2).transpose(1, 2).cpu()
    return rows.gather(1, cells[: len(rows), :, None].expand(-1, -1, rows.shape[2]))


def _joined(batches: Sequence[Mapping[str, tuple[Tensor, Tensor]]]) -> Pooled:
    names = list(batches[0])
    values = {name: torch.cat([batch[name][0] for batch in batches]) for name in names}
    return Pooled(values, {name: torch.cat([batch[name][1] for batch in batches]) for name in names})

"""Layers of a network by stage, for pictures in which eighty names have no room."""

from collections.abc import Sequence

from matplotlib.axes import Axes

MOST_STAGES = 16
FEW_LAYERS = 16
"""So few are named one by one."""
BACKBONE = "backbone."


def stages(names: Sequence[str]) -> dict[str, list[int]]:
    """Places of the layers of each stage, in the order in which they come: the finest parts that are not too many.

    Args:
        names: of layers or their weights, such as ``backbone.blocks.0.1.conv2``; parts are told by their dots.

    Returns:
        "blocks.0" -> [1, 2, ...]; a part that has no other beside it is called by what it is a part of.
    """
    parts = [name.removesuffix(".weight").split(".") for name in names]
    depth = max(map(len, parts), default=1)
    while depth > 1 and len({tuple(part[:depth]) for part in parts}) > MOST_STAGES:
        depth -= 1
    found: dict[tuple[str, ...], list[int]] = {}
    for place, part in enumerate(parts):
        found.setdefault(tuple(part[:depth]), []).append(place)
    return {_shortest(stage, list(found)): places for stage, places in found.items()}


def label_stages(axes: Axes, names: Sequence[str]) -> None:
    """Name the layers at 0, 1, 2, ... below the axes: each, where they are few, else the stages, with lines between."""
    axes.set_xlim(-0.7, len(names) - 0.3)
    if len(names) <= FEW_LAYERS:
        axes.set_xticks(range(len(names)), short_names(names), rotation=45, ha="right", rotation_mode="anchor")
        return
    groups = stages(names)
    middles = [(places[0] + places[-1]) / 2 for places in groups.values()]
    axes.set_xticks(middles, list(groups), rotation=45, ha="right", rotation_mode="anchor")
    axes.tick_params(axis="x", length=0)
    axes.grid(visible=False, axis="x")
    for places in list(groups.values())[1:]:
        axes.axvline(places[0] - 0.5, color="0.8", linewidth=0.8, zorder=0)


def short_names(names: Sequence[str]) -> list[str]:
    """Parameter names without ``.weight`` and without the leading parts that all of them share."""
    parts = [name.removesuffix(".weight").split(".") for name in names]
    shared = 0
    while all(len(part) > shared + 1 and part[shared] == parts[0][shared] for part in parts):
        shared += 1
    return [".".join(part[shared:]) for part in parts]


def _shortest(stage: tuple[str, ...], every: Sequence[tuple[str, ...]]) -> str:
    while len(stage) > 1 and sum(other[: len(stage) - 1] == stage[:-1] for other in every) == 1:
        stage = stage[:-1]
    return ".".join(stage).removeprefix(BACKBONE)

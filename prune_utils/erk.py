"""Erdos-Renyi-kernel densities: how dense each layer of a random sparse network should be.

Mocanu et al. (Nature Communications 2018) for linear layers; Evci et al., "Rigging the lottery" (ICML 2020),
with the kernel's size for convolutions: a layer's density is proportional to (sum of its dimensions / their
product) ** power, so that small layers stay denser, and never above 1.
"""

import math
from collections.abc import Collection, Mapping, Sequence

from configs.errors import UserError
from prune_utils.masks import target_count


def erk_densities(
    shapes: Mapping[str, Sequence[int]], density: float, power: float = 0.9, dense: Collection[str] = ()
) -> dict[str, float]:
    """The density of each layer at which the whole network has the density asked for.

    Args:
        shapes: parameter name -> shape of the weight.
        density: share of all weights that are kept, from 0 to 1.
        power: 1 is the original Erdos-Renyi proportion, 0 makes all layers equally dense.
        dense: names of layers that are kept whole in any case.

    Raises:
        UserError: the layers that stay whole hold more weights than the density leaves.
    """
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    proportions = {name: (sum(shape) / sizes[name]) ** power for name, shape in shapes.items()}
    whole = set(dense)
    budget = density * sum(sizes.values())
    forced = sum(sizes[name] for name in whole)
    if forced > budget:
        raise UserError(
            f"{', '.join(whole)} stays dense and has {forced} weights, but only {round(budget)} of the "
            f"network's {sum(sizes.values())} are to be kept; ask for a lower --ratio"
        )
    while True:
        sparse = [name for name in shapes if name not in whole]
        left = budget - sum(sizes[name] for name in whole)
        scale = left / sum(proportions[name] * sizes[name] for name in sparse) if sparse else 0.0
        most = max((proportions[name] for name in sparse), default=0.0)
        if most * scale <= 1:
            return {name: 1.0 if name in whole else proportions[name] * scale for name in shapes}
        whole.update(name for name in sparse if proportions[name] == most)


def erk_counts(
    shapes: Mapping[str, Sequence[int]], sparsity: float, power: float = 0.9, dense: Collection[str] = ()
) -> dict[str, int]:
    """How many weights of each layer are kept, in all exactly what the sparsity leaves.

    Layers get the whole number below their density's; what is missing goes to those that lost most by it.

    Args:
        sparsity: of the network, in percent; the others as in ``erk_densities``.

    Raises:
        UserError: as ``erk_densities``.
    """
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    wanted = target_count(sum(sizes.values()), sparsity)
    densities = erk_densities(shapes, wanted / sum(sizes.values()), power, dense)
    exact = {name: densities[name] * size for name, size in sizes.items()}
    counts = {name: int(value) for name, value in exact.items()}
    by_loss = sorted((n for n in sizes if counts[n] < sizes[n]), key=lambda n: counts[n] - exact[n])
    for name in by_loss[: wanted - sum(counts.values())]:
        counts[name] += 1
    return counts

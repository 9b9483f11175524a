"""From statistics to the similarity of two tasks: a measure on every layer, a weighted mean, means over the rest."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from relatedness.snip.measures import MEASURES, Measure
from relatedness.snip.statistics import Statistics
from relatedness.snip.weightings import WEIGHTINGS, Weighting, weighted_mean

DELIMITER = "_X_"
Table = dict[str, dict[str, float | None]]


def similarity(
    statistics: Statistics, a: str, b: str, ratios: Sequence[int], measure: Measure, weighting: Weighting
) -> float:
    """Similarity of tasks a and b: the weighted mean over layers, then the plain mean over keep ratios.

    Args:
        statistics: of one seed.
        ratios: indices into ``statistics.keep_ratios``.
        measure: such as a value of ``MEASURES``.
        weighting: such as a value of ``WEIGHTINGS``.

    Returns:
        from 0 to 1; NaN where it is undefined at one of the ratios.
    """
    pairs = [statistics.pair(ratio, a, b) for ratio in ratios]
    return float(np.mean([weighted_mean(measure(pair), weighting(pair)) for pair in pairs]))


def similarity_tables(
    seeds: Sequence[Statistics],
    sparsities: Sequence[int],
    measures: Mapping[str, Measure] = MEASURES,
    weightings: Mapping[str, Weighting] = WEIGHTINGS,
) -> tuple[Table, Table]:
    """Every measure x weighting x sparsity set x pair: mean over seeds, and its standard error.

    Args:
        seeds: statistics of each seed, whose keep ratios are in the order of ``sparsities``.
        sparsities: in percent.
        measures, weightings: by the names that the table gives them.

    Returns:
        two tables, "<layer_method>_X_<sim_method>" -> "s<sparsities>_X_<task>_X_<task>" -> value; None where it is
        undefined (the standard error always is with one seed).
    """
    sets = [[index] for index in range(len(sparsities))]
    if len(sparsities) > 1:
        sets.append(list(range(len(sparsities))))
    means: Table = {}
    errors: Table = {}
    for layer_method, weighting in weightings.items():
        for sim_method, measure in measures.items():
            row = DELIMITER.join((layer_method, sim_method))
            means[row], errors[row] = {}, {}
            for ratios in sets:
                name = "s" + ",".join(str(sparsities[index]) for index in ratios)
                for a, b in combinations(seeds[0].tasks, 2):
                    values = [similarity(seed, a, b, ratios, measure, weighting) for seed in seeds]
                    column = DELIMITER.join((name, a, b))
                    means[row][column] = _defined(np.mean(values))
                    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
                    errors[row][column] = _defined(error)
    return means, errors


def layer_rows(
    seeds: Mapping[int, Statistics], sparsities: Sequence[int], measures: Mapping[str, Measure] = MEASURES
) -> dict[str, list]:
    """The statistics as a table, one row per seed, sparsity, pair and layer; None where a value is undefined.

    Args:
        seeds: statistics by seed, whose keep ratios are in the order of ``sparsities``.
    """
    counts = ("kept_a", "kept_b", "kept_both", "numel")
    rows: dict[str, list] = {name: [] for name in ("seed", "sparsity", "pair", "layer", *measures, *counts)}
    for seed, statistics in seeds.items():
        layers = list(statistics.layers)
        for ratio, sparsity in enumerate(sparsities):
            for a, b in combinations(statistics.tasks, 2):
                pair = statistics.pair(ratio, a, b)
                rows["seed"] += [seed] * len(layers)
                rows["sparsity"] += [sparsity] * len(layers)
                rows["pair"] += [f"{a},{b}"] * len(layers)
                rows["layer"] += [layer.removesuffix(".weight") for layer in layers]
                for name, measure in measures.items():
                    rows[name] += [_defined(value) for value in measure(pair)]
                for name in counts:
                    rows[name] += getattr(pair, name).tolist()
    return rows


def _defined(value: float | np.floating) -> float | None:
    return float(value) if np.isfinite(value) else None

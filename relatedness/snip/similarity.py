"""From statistics to the similarity of two tasks: a measure on every layer, a weighted mean, means over the rest."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from relatedness.snip.measures import MEASURES, Measure
from relatedness.snip.statistics import Statistics
from relatedness.snip.weightings import WEIGHTINGS, Weighting, weighted_mean
from reports.similarity.file import column_name, row_name

Table = dict[str, dict[str, float | None]]
SeedTable = dict[str, dict[str, list[float | None]]]


class Tables(NamedTuple):
    """Row -> column -> number, as in ``similarity.json``; None where it is undefined.

    Attributes:
        means: over seeds.
        errors: standard errors of the means; undefined with one seed.
        by_seed: the values that they are of, in the order of the seeds.
    """

    means: Table
    errors: Table
    by_seed: SeedTable


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
) -> Tables:
    """Every measure x weighting x sparsity set x pair: mean over seeds, its standard error, and each seed's value.

    Args:
        seeds: statistics of each seed, whose keep ratios are in the order of ``sparsities``.
        sparsities: in percent.
        measures, weightings: by the names that the table gives them.
    """
    sets = [[index] for index in range(len(sparsities))]
    if len(sparsities) > 1:
        sets.append(list(range(len(sparsities))))
    tables = Tables({}, {}, {})
    for layer_method, weighting in weightings.items():
        for sim_method, measure in measures.items():
            row = row_name(layer_method, sim_method)
            for table in tables:
                table[row] = {}
            for ratios in sets:
                name = ",".join(str(sparsities[index]) for index in ratios)
                for a, b in combinations(seeds[0].tasks, 2):
                    values = [similarity(seed, a, b, ratios, measure, weighting) for seed in seeds]
                    column = column_name(name, a, b)
                    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
                    tables.means[row][column] = _defined(np.mean(values))
                    tables.errors[row][column] = _defined(error)
                    tables.by_seed[row][column] = [_defined(value) for value in values]
    return tables


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

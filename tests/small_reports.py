"""Similarity reports made by hand: values that a reader can work out from the arguments."""

from itertools import combinations
from typing import Any

from reports.similarity.file import SimilarityFile
from reports.similarity.report import Report, report_of

LAYER_METHODS = ("equal", "linear", "linear_plus_one", "five_zeros", "av_sparsity", "min_sparsity",
                 "epi_like")
SIM_METHODS = ("epi", "iou", "sals", "masked_sals")


def similarity_json(tasks=("seg", "sn", "depth"), sparsities=(50, 90), seeds=2, values=None, layers=3, by_seed=None):
    """Contents of a file in which every entry of a pair is the same, ``values[pair]`` +-0.01.

    On layer l, seed s, every similarity is the pair's value - 0.01 * l - 0.02 * s, and null for the last
    layer at the highest sparsity. ``by_seed``: a list of values for each pair, kept beside ``values``.
    """
    pairs = list(combinations(tasks, 2))
    values = values or [0.9 - 0.8 * number / len(pairs) for number in range(len(pairs))]
    errors = [0.01 if seeds > 1 else None] * len(pairs)
    sets = [str(s) for s in sparsities] + ([",".join(map(str, sparsities))] if len(sparsities) > 1 else [])
    rows = [f"{layer}_X_{sim}" for layer in LAYER_METHODS for sim in SIM_METHODS]

    def entries(numbers):
        columns = {f"s{s}_X_{a}_X_{b}": x for s in sets for (a, b), x in zip(pairs, numbers, strict=True)}
        return {row: dict(columns) for row in rows}

    statistics = {key: [] for key in ("seed", "sparsity", "pair", "layer", *SIM_METHODS)}
    for seed in range(seeds):
        for sparsity in sparsities:
            for (a, b), value in zip(pairs, values, strict=True):
                for layer in range(layers):
                    undefined = value is None or (layer == layers - 1 and sparsity == max(sparsities))
                    number = None if undefined else value - 0.01 * layer - 0.02 * seed
                    row = (seed, sparsity, f"{a},{b}", f"backbone.conv{layer}.weight", *[number] * 4)
                    for key, cell in zip(statistics, row, strict=True):
                        statistics[key].append(cell)
    return {
        "schema": 1, "dataset": "rooms", "tasks": list(tasks), "sparsities": list(sparsities),
        "keep_ratios": {str(s): 1 - s / 100 for s in sparsities}, "num_seeds": seeds, "num_batches": 5,
        "config": {}, "provenance": {}, "table": entries(values), "stderr": entries(errors),
        **({} if by_seed is None else {"seeds": entries(by_seed)}),
        "layers": statistics,
    }


def parse_report(contents: Any, source: str = "x.json") -> Report:
    """As ``read_report`` gives it for a file that holds this."""
    return report_of(SimilarityFile.parse(contents, source), source)

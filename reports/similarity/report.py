"""The numbers of ``similarity.json`` as pandas frames.

Methods are named in the file itself (the keys of ``table``), so a new weighting or measure needs no change
here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot, isnan, nan
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from configs import UserError
from reports.intervals import Interval, paired_difference
from reports.similarity.file import (
    ANEW,
    Entries,
    SeedEntries,
    SimilarityFile,
    check_entries,
    check_seeds,
    column_name,
    columns_of,
    row_methods,
    row_name,
    sparsity_sets,
)

# The Meta-Sparse report's names of weightings and metrics, in its order; others keep the name of their flag.
# Its `sparsity` is the mean sparsity of the two tasks' subnetworks, av_sparsity here.
WEIGHTING_NAMES = {"equal": "equal", "linear": "linear", "five_zeros": "step", "av_sparsity": "sparsity"}
METRIC_NAMES = {"epi": "EPI-Sim", "iou": "IOU", "sals": "CSS", "masked_sals": "MCSS"}


@dataclass(frozen=True)
class Similarity:
    """Of one pair of tasks; NaN where undefined, or not known.

    Attributes:
        value: mean over seeds.
        stderr: its standard error.
        seeds: the values of each seed; None in files of earlier versions.
    """

    value: float
    stderr: float = nan
    seeds: np.ndarray | None = None

    def less(self, other: "Similarity") -> Interval:
        """This one less another, with its interval, paired over seeds.

        Without values of single seeds, the interval reaches as far as sqrt(e1^2 + e2^2) of the two standard errors, as
        if these were independent.
        """
        if isnan(self.value - other.value):
            return Interval(nan, nan, nan, nan, 0)
        if self.seeds is not None and other.seeds is not None:
            return paired_difference(self.seeds, other.seeds)
        mean, error = self.value - other.value, hypot(self.stderr, other.stderr)
        return Interval(mean, error, mean - error, mean + error, 0)


Similarities = Mapping[frozenset[str], Similarity]
"""By pair of tasks."""


@dataclass(frozen=True)
class Report:
    """A checked ``similarity.json``.

    Attributes:
        source: the file, for messages.
        values: similarities, one row per (layer_method, sim_method), one column per (sparsity set, task_a,
            task_b); a sparsity set is a string such as "50" or "30,50,70,90". NaN where undefined.
        errors: their standard errors over seeds, of the same shape; NaN where unknown, as with one seed.
        seeds: the similarities of each seed, as in the file; empty in files of earlier versions.
        layers: one row per (seed, sparsity, pair, layer), as in the file; NaN where undefined.
    """

    source: str
    dataset: str
    tasks: tuple[str, ...]
    sparsities: tuple[int, ...]
    num_seeds: int
    num_batches: int
    values: pd.DataFrame
    errors: pd.DataFrame
    seeds: SeedEntries
    layers: pd.DataFrame

    def select(
        self, layer_method: str, sim_method: str, sparsities: Sequence[int] | None = None
    ) -> pd.DataFrame:
        """Columns ``value`` and ``stderr``, one row per pair, indexed by (task_a, task_b).

        Args:
            sparsities: one sparsity or all of them; none: all.

        Raises:
            UserError: the report has no such weighting, measure or sparsity set.
        """
        row = (layer_method, sim_method)
        if row not in self.values.index:
            held = ", ".join(row_name(*name) for name in self.values.index)
            raise UserError(f"{self.source}: table: no '{row_name(*row)}'; it holds {held}")
        chosen = self._set(sparsities)
        return pd.DataFrame({"value": self.values.loc[row, chosen], "stderr": self.errors.loc[row, chosen]})

    def pairs(
        self, layer_method: str, sim_method: str, sparsities: Sequence[int] | None = None
    ) -> Similarities:
        """The same, with the values of each seed where the file has them.

        Raises:
            UserError: as ``select``.
        """
        frame = self.select(layer_method, sim_method, sparsities)
        row, chosen = self.seeds.get(row_name(layer_method, sim_method)), self._set(sparsities)
        found = {}
        for pair, (value, stderr) in zip(frame.index.tolist(), frame.to_numpy(float).tolist(), strict=True):
            seeds = None if row is None else np.array(row[column_name(chosen, *pair)], dtype=float)
            found[frozenset(pair)] = Similarity(value, stderr, seeds)
        return found

    def _set(self, sparsities: Sequence[int] | None) -> str:
        chosen = ",".join(str(sparsity) for sparsity in sparsities or self.sparsities)
        if chosen not in sparsity_sets(self.sparsities):
            held = "; ".join(sparsity_sets(self.sparsities))
            raise UserError(f"{self.source}: no results for the sparsities '{chosen}'; it holds {held}")
        return chosen


def read_report(path: Path) -> Report:
    """Read and check a ``similarity.json``.

    Raises:
        UserError: as ``JsonFile.read``, or the parts of the file do not fit together.
    """
    return report_of(SimilarityFile.read(path), str(path))


def report_of(file: SimilarityFile, source: str) -> Report:
    """What a ``similarity.json`` holds, as frames; ``source`` names it in messages.

    Raises:
        UserError: its parts do not fit together.
    """
    if len(set(file.tasks)) < len(file.tasks) or len(set(file.sparsities)) < len(file.sparsities):
        raise UserError(f"{source}: tasks or sparsities: one is named twice; {ANEW}")
    check_seeds(file, source)
    return Report(
        source=source,
        dataset=file.dataset,
        tasks=tuple(file.tasks),
        sparsities=tuple(file.sparsities),
        num_seeds=file.num_seeds,
        num_batches=file.num_batches,
        values=_wide(file, file.table, "table", source),
        errors=_wide(file, file.stderr, "stderr", source),
        seeds=file.seeds,
        layers=_layers(file, source),
    )


def layer_similarity(report: Report, sim_method: str) -> pd.DataFrame:
    """Similarity of every pair on every layer, averaged over seeds; no weighting is involved.

    Returns:
        one row per layer, in the order of the file (the backbone's); columns (pair "a,b", sparsity); NaN
        where undefined. Empty if the file has no such statistics.
    """
    if sim_method not in report.layers or report.layers.empty:
        return pd.DataFrame()
    means = report.layers.groupby(["layer", "pair", "sparsity"], sort=False)[sim_method].mean()
    return means.unstack(["pair", "sparsity"]).reindex(report.layers["layer"].drop_duplicates())


def matrix(
    report: Report,
    layer_method: str,
    sim_method: str,
    sparsities: Sequence[int] | None = None,
    column: Literal["value", "stderr"] = "value",
) -> pd.DataFrame:
    """Task x task, symmetric: similarities with 1 on the diagonal, or standard errors with NaN there.

    Raises:
        UserError: as ``Report.select``.
    """
    pairs = report.select(layer_method, sim_method, sparsities)[column]
    frame = pd.DataFrame(index=report.tasks, columns=report.tasks, dtype=float)
    for (a, b), number in zip(pairs.index, pairs, strict=True):
        frame.loc[a, b] = frame.loc[b, a] = number
    for task in report.tasks if column == "value" else ():
        frame.loc[task, task] = 1.0
    return frame


def _wide(file: SimilarityFile, entries: Entries, part: str, source: str) -> pd.DataFrame:
    """``table`` or ``stderr`` as a frame; the rows of the published report first, in its order."""
    columns = columns_of(file)
    rows = {}
    for name in file.table:
        methods = row_methods(name)
        if methods is None:
            raise UserError(f"{source}: {part}: '{name}' is not <layer_method>_X_<sim_method>; {ANEW}")
        check_entries(entries.get(name, {}), columns.values(), f"{source}: {part}.{name}")
        rows[methods] = [entries[name][key] for key in columns.values()]
    layer_order = [*WEIGHTING_NAMES, *(layer for layer, _ in rows)]
    sim_order = [*METRIC_NAMES, *(sim for _, sim in rows)]
    order = sorted(rows, key=lambda row: (layer_order.index(row[0]), sim_order.index(row[1])))
    return pd.DataFrame(
        [rows[row] for row in order],
        index=pd.MultiIndex.from_tuples(order, names=["layer_method", "sim_method"]),
        columns=pd.MultiIndex.from_tuples(list(columns), names=["sparsities", "task_a", "task_b"]),
        dtype=float,
    )


def _layers(file: SimilarityFile, source: str) -> pd.DataFrame:
    lengths = {key: len(column) for key, column in file.layers.items()}
    for key in ("seed", "sparsity", "pair", "layer"):
        if key not in lengths:
            raise UserError(f"{source}: layers.{key}: missing; {ANEW}")
        if lengths[key] != max(lengths.values()):
            raise UserError(f"{source}: layers.{key}: {lengths[key]} rows, another list has more; {ANEW}")
    measures = {methods[1] for methods in map(row_methods, file.table) if methods} & set(lengths)
    try:
        return pd.DataFrame(file.layers).astype({"sparsity": int} | dict.fromkeys(measures, float))
    except (TypeError, ValueError) as error:
        raise UserError(f"{source}: layers: {error}; {ANEW}") from error

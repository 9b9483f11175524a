"""Reading ``similarity.json``, and its numbers as pandas frames.

Methods are named in the file itself (the keys of ``table``), so a new weighting or measure needs no change
here.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from configs import UserError
from configs.schema import describe

# The Meta-Sparse report's names of weightings and metrics, in its order; others keep the name of their flag.
# Its `sparsity` is the mean sparsity of the two tasks' subnetworks, av_sparsity here.
WEIGHTING_NAMES = {"equal": "equal", "linear": "linear", "five_zeros": "step", "av_sparsity": "sparsity"}
METRIC_NAMES = {"epi": "EPI-Sim", "iou": "IOU", "sals": "CSS", "masked_sals": "MCSS"}

ANEW = "static_similarity.py writes it anew"

Percent = Annotated[int, Field(gt=0, lt=100)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Entries = dict[str, dict[str, Number | None]]


class _File(BaseModel):
    """The keys of ``similarity.json`` that are read here; the others may hold anything."""

    model_config = ConfigDict(extra="ignore")

    version: Literal[1] = Field(alias="schema")
    dataset: str
    tasks: list[str] = Field(min_length=2)
    sparsities: list[Percent] = Field(min_length=1)
    num_seeds: int = Field(gt=0)
    num_batches: int = Field(gt=0)
    table: Entries = Field(min_length=1)
    stderr: Entries
    layers: dict[str, list[Any]]


@dataclass(frozen=True)
class Report:
    """A checked ``similarity.json``.

    Attributes:
        source: the file, for messages.
        values: similarities, one row per (layer_method, sim_method), one column per (sparsity set, task_a,
            task_b); a sparsity set is a string such as "50" or "30,50,70,90". NaN where undefined.
        errors: their standard errors over seeds, of the same shape; NaN where unknown, as with one seed.
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
            held = ", ".join("_X_".join(name) for name in self.values.index)
            raise UserError(f"{self.source}: table: no '{layer_method}_X_{sim_method}'; it holds {held}")
        chosen = ",".join(str(sparsity) for sparsity in sparsities or self.sparsities)
        if chosen not in sparsity_sets(self.sparsities):
            held = "; ".join(sparsity_sets(self.sparsities))
            raise UserError(f"{self.source}: no results for the sparsities '{chosen}'; it holds {held}")
        return pd.DataFrame({"value": self.values.loc[row, chosen], "stderr": self.errors.loc[row, chosen]})


def sparsity_sets(sparsities: Sequence[int]) -> list[str]:
    """Each sparsity alone, then all together where there are several: ["30", "50", "30,50"]."""
    alone = [str(sparsity) for sparsity in sparsities]
    return [*alone, ",".join(alone)] if len(alone) > 1 else alone


def read_report(path: Path) -> Report:
    """Read and check a ``similarity.json``.

    Raises:
        UserError: the file is missing, is not JSON, was cut short, or lacks something a report must hold.
    """
    try:
        contents = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; static_similarity.py writes it, or name another") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}; name a similarity.json") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON, or cut short ({error}); {ANEW}") from error
    return parse_report(contents, str(path))


def parse_report(contents: Any, source: str) -> Report:
    """Check what ``similarity.json`` holds; ``source`` names it in messages.

    Raises:
        UserError: a key is missing or of the wrong kind, or the parts do not fit together.
    """
    if not isinstance(contents, dict):
        raise UserError(f"{source}: not a similarity report: expected an object with schema, tasks, table")
    try:
        file = _File.model_validate(contents)
    except ValidationError as error:
        raise UserError(f"{source}: not a similarity report: {describe(error)}; {ANEW}") from error
    if len(set(file.tasks)) < len(file.tasks) or len(set(file.sparsities)) < len(file.sparsities):
        raise UserError(f"{source}: tasks or sparsities: one is named twice; {ANEW}")
    return Report(
        source=source,
        dataset=file.dataset,
        tasks=tuple(file.tasks),
        sparsities=tuple(file.sparsities),
        num_seeds=file.num_seeds,
        num_batches=file.num_batches,
        values=_wide(file, file.table, "table", source),
        errors=_wide(file, file.stderr, "stderr", source),
        layers=_layers(file, source),
    )


def whole_table(report: Report) -> pd.DataFrame:
    """The table of the Meta-Sparse report with all that the file holds.

    Returns:
        values indexed by (weighting, metric), the report's names; columns (sparsity set, "task_a/task_b").
    """
    table = report.values.rename(index=WEIGHTING_NAMES, level=0).rename(index=METRIC_NAMES, level=1)
    table.index = table.index.set_names(["weighting", "metric"])
    chosen, task_a, task_b = (table.columns.get_level_values(level) for level in range(3))
    table.columns = pd.MultiIndex.from_arrays([chosen, task_a + "/" + task_b], names=["sparsities", "pair"])
    return table


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


def _wide(file: _File, entries: Entries, part: str, source: str) -> pd.DataFrame:
    """``table`` or ``stderr`` as a frame; the rows of the published report first, in its order."""
    pairs = list(combinations(file.tasks, 2))
    columns = [(chosen, a, b) for chosen in sparsity_sets(file.sparsities) for a, b in pairs]
    keys = [f"s{chosen}_X_{a}_X_{b}" for chosen, a, b in columns]
    rows = {}
    for name in file.table:
        layer_method, delimiter, sim_method = name.partition("_X_")
        if not delimiter:
            raise UserError(f"{source}: {part}: '{name}' is not <layer_method>_X_<sim_method>; {ANEW}")
        missing = [key for key in keys if key not in entries.get(name, {})]
        if missing:
            raise UserError(f"{source}: {part}.{name}: no entry '{missing[0]}'; {ANEW}")
        rows[layer_method, sim_method] = [entries[name][key] for key in keys]
    layer_order = [*WEIGHTING_NAMES, *(layer for layer, _ in rows)]
    sim_order = [*METRIC_NAMES, *(sim for _, sim in rows)]
    order = sorted(rows, key=lambda row: (layer_order.index(row[0]), sim_order.index(row[1])))
    return pd.DataFrame(
        [rows[row] for row in order],
        index=pd.MultiIndex.from_tuples(order, names=["layer_method", "sim_method"]),
        columns=pd.MultiIndex.from_tuples(columns, names=["sparsities", "task_a", "task_b"]),
        dtype=float,
    )


def _layers(file: _File, source: str) -> pd.DataFrame:
    lengths = {key: len(column) for key, column in file.layers.items()}
    for key in ("seed", "sparsity", "pair", "layer"):
        if key not in lengths:
            raise UserError(f"{source}: layers.{key}: missing; {ANEW}")
        if lengths[key] != max(lengths.values()):
            raise UserError(f"{source}: layers.{key}: {lengths[key]} rows, another list has more; {ANEW}")
    measures = {name.partition("_X_")[2] for name in file.table} & set(lengths)
    try:
        return pd.DataFrame(file.layers).astype({"sparsity": int} | dict.fromkeys(measures, float))
    except (TypeError, ValueError) as error:
        raise UserError(f"{source}: layers: {error}; {ANEW}") from error

"""Reading ``similarity.json``, and its numbers as pandas frames.

Methods are named in the file itself (the keys of ``table``), so a new weighting or measure needs no change here.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from configs import UserError
from configs.schema import describe

# How the Meta-Sparse report names weightings and metrics, in its order; what it lacks keeps the name of the flag.
WEIGHTINGS = {"equal": "equal", "linear": "linear", "five_zeros": "step", "av_sparsity": "sparsity"}
METRICS = {"epi": "EPI-Sim", "iou": "IOU", "sals": "CSS", "masked_sals": "MCSS"}

Percent = Annotated[int, Field(gt=0, lt=100)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Entries = dict[str, dict[str, Number | None]]


class _File(BaseModel):
    """The keys of ``similarity.json`` that are read here; the others (config, provenance) may hold anything."""

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
        entries: one row per value, indexed by (layer_method, sim_method, sparsities, task_a, task_b), with columns
            ``value`` and ``stderr`` (standard error over seeds); NaN where undefined. ``sparsities`` is a string
            such as "50" or "30,50,70,90".
        layers: one row per (seed, sparsity, pair, layer), as in the file; NaN where undefined.
    """

    source: str
    dataset: str
    tasks: tuple[str, ...]
    sparsities: tuple[int, ...]
    num_seeds: int
    num_batches: int
    entries: pd.DataFrame
    layers: pd.DataFrame

    @property
    def sets(self) -> list[str]:
        """The sparsity sets: each sparsity alone, then all together."""
        return sparsity_sets(self.sparsities)

    @property
    def layer_methods(self) -> list[str]:
        return _names(self.entries, "layer_method", WEIGHTINGS)

    @property
    def sim_methods(self) -> list[str]:
        return _names(self.entries, "sim_method", METRICS)

    def select(self, layer_method: str, sim_method: str, sparsities: Sequence[int] | None = None) -> pd.DataFrame:
        """``value`` and ``stderr`` of every pair, indexed by (task_a, task_b).

        Args:
            sparsities: one sparsity or all of them; none: all.

        Raises:
            UserError: the report has no such weighting, measure or sparsity set.
        """
        wanted = ",".join(str(sparsity) for sparsity in sparsities or self.sparsities)
        self._check("weighting (--layer_method)", layer_method, self.layer_methods)
        self._check("measure (--sim_method)", sim_method, self.sim_methods)
        self._check("sparsity set", wanted, self.sets)
        if (layer_method, sim_method) not in self.entries.index.droplevel([2, 3, 4]):
            raise UserError(f"{self.source}: table: no entry {layer_method}_X_{sim_method}")
        return self.entries.loc[(layer_method, sim_method, wanted)]

    def _check(self, what: str, name: str, choices: list[str]) -> None:
        if name not in choices:
            listed = "; ".join(choices) if what == "sparsity set" else ", ".join(choices)
            raise UserError(f"{self.source}: no {what} '{name}' in this file; it has {listed}")


def sparsity_sets(sparsities: Sequence[int]) -> list[str]:
    """Each sparsity alone, then all together where there are several: ["30", "50", "30,50"]."""
    alone = [str(sparsity) for sparsity in sparsities]
    return alone + [",".join(alone)] if len(alone) > 1 else alone


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
        raise UserError(
            f"{path}: not JSON, or cut short ({error}); static_similarity.py writes it anew with --force_run"
        ) from error
    return parse_report(contents, str(path))


def parse_report(contents: Any, source: str) -> Report:
    """Check what ``similarity.json`` holds; ``source`` names it in messages.

    Raises:
        UserError: a key is missing or of the wrong kind, or the parts do not fit together.
    """
    if not isinstance(contents, dict):
        raise UserError(f"{source}: not a similarity report: expected an object with schema, tasks, table, ...")
    try:
        file = _File.model_validate(contents)
    except ValidationError as error:
        raise UserError(f"{source}: not a similarity report of static_similarity.py: {describe(error)}") from error
    for key, names in (("tasks", file.tasks), ("sparsities", file.sparsities)):
        if len(set(names)) != len(names):
            raise UserError(f"{source}: {key}: {names} names one twice")
    return Report(
        source=source,
        dataset=file.dataset,
        tasks=tuple(file.tasks),
        sparsities=tuple(file.sparsities),
        num_seeds=file.num_seeds,
        num_batches=file.num_batches,
        entries=_entries(file, source),
        layers=_layers(file, source),
    )


def whole_table(report: Report) -> pd.DataFrame:
    """The table of the Meta-Sparse report with all that the file holds.

    Returns:
        values indexed by (weighting, metric), the report's names; columns (sparsity set, "task_a/task_b").
    """
    rows, labels = [], []
    for layer_method in report.layer_methods:
        for sim_method in report.sim_methods:
            if (layer_method, sim_method) in report.entries.index.droplevel([2, 3, 4]):
                rows.append(report.entries.loc[(layer_method, sim_method), "value"].to_numpy())
                labels.append((WEIGHTINGS.get(layer_method, layer_method), METRICS.get(sim_method, sim_method)))
    columns = [(chosen, f"{a}/{b}") for chosen in report.sets for a, b in combinations(report.tasks, 2)]
    return pd.DataFrame(
        rows,
        index=pd.MultiIndex.from_tuples(labels, names=["weighting", "metric"]),
        columns=pd.MultiIndex.from_tuples(columns, names=["sparsities", "pair"]),
    )


def layer_similarity(report: Report, sim_method: str) -> pd.DataFrame:
    """Similarity of every pair on every layer, averaged over seeds; no weighting is involved.

    Returns:
        one row per layer, in the order of the file (the backbone's); columns (pair "a,b", sparsity); NaN where
        undefined. Empty if the file has no such statistics.
    """
    if sim_method not in report.layers:
        return pd.DataFrame()
    order = report.layers["layer"].drop_duplicates()
    means = report.layers.pivot_table(
        index="layer", columns=["pair", "sparsity"], values=sim_method, aggfunc="mean", dropna=False
    )
    return means.reindex(order)


def _entries(file: _File, source: str) -> pd.DataFrame:
    pairs = list(combinations(file.tasks, 2))
    expected = [
        (f"s{chosen}_X_{a}_X_{b}", chosen, a, b) for chosen in sparsity_sets(file.sparsities) for a, b in pairs
    ]
    rows = []
    for name in file.table:
        layer_method, separator, sim_method = name.partition("_X_")
        if not separator:
            raise UserError(f"{source}: table: '{name}' is not <layer_method>_X_<sim_method>")
        errors = file.stderr.get(name, {})
        for key, chosen, a, b in expected:
            for part, found in (("table", file.table[name]), ("stderr", errors)):
                if key not in found:
                    raise UserError(f"{source}: {part}.{name}: no entry '{key}'; static_similarity.py writes it anew")
            rows.append((layer_method, sim_method, chosen, a, b, file.table[name][key], errors[key]))
    names = ["layer_method", "sim_method", "sparsities", "task_a", "task_b"]
    frame = pd.DataFrame(rows, columns=[*names, "value", "stderr"])
    return frame.astype({"value": float, "stderr": float}).set_index(names)


def _layers(file: _File, source: str) -> pd.DataFrame:
    lengths = {key: len(column) for key, column in file.layers.items()}
    if len(set(lengths.values())) > 1:
        raise UserError(f"{source}: layers: the lists differ in length: {lengths}; static_similarity.py writes it anew")
    keys = ("seed", "sparsity", "pair", "layer")
    missing = [key for key in keys if key not in file.layers]
    if missing:
        raise UserError(f"{source}: layers.{missing[0]}: missing; static_similarity.py writes it anew")
    frame = pd.DataFrame(file.layers)
    for key in set(frame.columns) - {"pair", "layer"}:
        try:
            frame[key] = pd.to_numeric(frame[key])
        except (TypeError, ValueError) as error:
            raise UserError(f"{source}: layers.{key}: not numbers: {error}") from error
    return frame


def _names(entries: pd.DataFrame, level: str, known: Iterable[str]) -> list[str]:
    """The names in one level of the index, those of the published report first, in its order."""
    order = list(known)
    found = entries.index.unique(level)
    return sorted(found, key=lambda name: order.index(name) if name in order else len(order))

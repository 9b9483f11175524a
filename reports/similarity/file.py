"""``similarity.json``: what it holds, and how its entries are named."""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import Annotated, Any, ClassVar

from pydantic import Field

from configs import UserError
from reports.files import JsonFile

DELIMITER = "_X_"

Percent = Annotated[int, Field(gt=0, lt=100)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Entries = dict[str, dict[str, Number | None]]
"""``row_name`` -> ``column_name`` -> value; None where it is undefined."""
SeedEntries = dict[str, dict[str, list[Number | None]]]
"""The same with a value for each seed."""


class SimilarityFile(JsonFile):
    """Every weighting and measure of every pair of tasks, and the statistics that they follow from.

    Attributes:
        keep_ratios: by sparsity; the mean over seeds.
        table: means over seeds.
        stderr: their standard errors; None with one seed.
        seeds: the values of which ``table`` holds the means, in the order of the seeds; empty in files of earlier
            versions.
        layers: one list for each column, one entry for each seed, sparsity, pair and layer.
    """

    what: ClassVar[str] = "a similarity report"
    writer: ClassVar[str] = "static_similarity.py"

    dataset: str
    tasks: list[str] = Field(min_length=2)
    sparsities: list[Percent] = Field(min_length=1)
    keep_ratios: dict[str, float] = Field(default_factory=dict)
    num_seeds: int = Field(gt=0)
    num_batches: int = Field(gt=0)
    config: dict[str, Any] = Field(default_factory=dict)
    provenance: dict[str, Any] = Field(default_factory=dict)
    table: Entries = Field(min_length=1)
    stderr: Entries
    seeds: SeedEntries = Field(default_factory=dict)
    layers: dict[str, list[Any]]


ANEW = f"{SimilarityFile.writer} writes it anew"


def row_name(layer_method: str, sim_method: str) -> str:
    """The row of a weighting of layers and a measure."""
    return f"{layer_method}{DELIMITER}{sim_method}"


def row_methods(name: str) -> tuple[str, str] | None:
    """Weighting and measure of a row; None if it is not the name of one."""
    layer_method, delimiter, sim_method = name.partition(DELIMITER)
    return (layer_method, sim_method) if delimiter else None


def column_name(sparsities: str, task_a: str, task_b: str) -> str:
    """The column of a set of sparsities, such as "30,50", and a pair of tasks."""
    return DELIMITER.join((f"s{sparsities}", task_a, task_b))


def sparsity_sets(sparsities: Sequence[int]) -> list[str]:
    """Each sparsity alone, then all together where there are several: ["30", "50", "30,50"]."""
    alone = [str(sparsity) for sparsity in sparsities]
    return [*alone, ",".join(alone)] if len(alone) > 1 else alone


def columns_of(file: SimilarityFile) -> dict[tuple[str, str, str], str]:
    """(sparsity set, task_a, task_b) -> name of the column, for all that a row must have."""
    chosen, pairs = sparsity_sets(file.sparsities), list(combinations(file.tasks, 2))
    return {(name, a, b): column_name(name, a, b) for name in chosen for a, b in pairs}


def check_entries(row: Mapping[str, object], names: Collection[str], where: str) -> None:
    """Raise a UserError if a row lacks one of these columns; ``where`` names it in the message."""
    missing = [name for name in names if name not in row]
    if missing:
        raise UserError(f"{where}: no entry '{missing[0]}'; {ANEW}")


def check_seeds(file: SimilarityFile, source: str) -> None:
    """See that there is a value for each seed wherever there is a mean, if the file has such values at all."""
    columns = columns_of(file).values()
    for name in file.table if file.seeds else ():
        row = file.seeds.get(name, {})
        check_entries(row, columns, f"{source}: seeds.{name}")
        for key in columns:
            if len(row[key]) != file.num_seeds:
                raise UserError(f"{source}: seeds.{name}.{key}: {len(row[key])} of {file.num_seeds} values; {ANEW}")

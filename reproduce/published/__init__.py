"""The published co-training and sparsity numbers, and the settings that the published tables were made with.

Similarities are in ``similarity.py``. Co-training: the Meta-Sparse report's appendix; sparsity: Sun et al.,
"DiSparse" (CVPR 2022). A data set of which nothing is published has empty tables and default settings.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from pydantic import Field

from configs.schema import Positive, Section
from reproduce.tables import TABLES

PUBLISHED_METHODS = ("baseline", "disparse_static", "disparse_dynamic", "disparse_pt")
FOLDER = Path(__file__).parent


class PaperSettings(Section):
    """What a table's runs are given beside the settings of the data set.

    ``num_batches`` and ``num_seeds`` are those of ``static_similarity.py``.
    """

    tasks: tuple[str, ...] = Field((), description="the tasks of the table; none: all of the data set")
    overrides: tuple[str, ...] = Field((), description="section.key=value")
    num_batches: Positive = 5
    num_seeds: Positive = 5

    @property
    def special(self) -> bool:
        """Whether these runs are others than those of the data set's own settings, but for a method's own options."""
        return any(not text.startswith("pruning.") for text in self.overrides)


@dataclass(frozen=True)
class Printed:
    """A published number.

    Attributes:
        value: as printed.
        scale: times our unit, so 100 where the paper prints a share in percent.
        decimals: digits after the point.
    """

    value: float
    scale: float
    decimals: int


Numbers = Mapping[tuple[str, str, str], Printed]
"""(task, row, metric) -> number; a row is the partner in co-training, ``baseline`` or ``<method>_<ratio>`` else."""


def published_tables(dataset: str) -> list[str]:
    """Names of the tables that are published for a data set; none for a data set that no paper knows."""
    return [table for table in TABLES if table in _all_settings().get(dataset, {})]


def paper_settings(dataset: str, table: str) -> PaperSettings:
    """The settings of a published table, or the defaults where none is published."""
    return _all_settings().get(dataset, {}).get(table, PaperSettings())


def published_numbers(dataset: str, table: str) -> Numbers:
    """The published numbers of ``cotraining`` or ``sparsity``; empty where there are none."""
    with (FOLDER / f"{table}.tsv").open(encoding="utf-8", newline="") as file:
        return {
            (row["task"], row["row"], row["metric"]): _printed(row["value"], row["scale"])
            for row in csv.DictReader(file, delimiter="\t")
            if row["dataset"] == dataset
        }


def _printed(text: str, scale: str) -> Printed:
    return Printed(float(text), float(scale), len(text.partition(".")[2]))


@cache
def _all_settings() -> dict[str, dict[str, PaperSettings]]:
    entries = yaml.safe_load((FOLDER / "settings.yaml").read_text(encoding="utf-8"))
    return {
        dataset: {table: PaperSettings(**settings) for table, settings in tables.items()}
        for dataset, tables in entries.items()
    }

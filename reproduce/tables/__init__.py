"""The tables by name. A new one is one file beside this and one line here."""

from typing import TYPE_CHECKING, Any

from configs.plugins import resolve

if TYPE_CHECKING:
    from reproduce.tables.base import Table

TABLES = {
    "similarity": "reproduce.tables.similarity:SimilarityTable",
    "cotraining": "reproduce.tables.cotraining:CotrainingTable",
    "sparsity": "reproduce.tables.sparsity:SparsityTable",
    "evidence": "reproduce.tables.evidence:EvidenceTable",
}
"""Where each table is found, in the order of the page; it is loaded when it is asked for, since that takes torch."""


def find_table(name: str) -> "Table[Any]":
    """A table of ``TABLES``."""
    return resolve(TABLES[name], {}, "table")()

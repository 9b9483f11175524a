"""Similarity reports from the plain contents of a file."""

from typing import Any

from reports.similarity.file import SimilarityFile
from reports.similarity.report import Report, report_of


def parse_report(contents: Any, source: str = "x.json") -> Report:
    """As ``read_report`` gives it for a file that holds this."""
    return report_of(SimilarityFile.parse(contents, source), source)

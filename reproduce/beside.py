"""What is published for the results in a folder, for a page that shows the two side by side."""

from contextlib import suppress
from math import log10

from configs import UserError
from reports.evaluation import EvaluationFile
from reports.page.found import Found, Published, PublishedRow
from reproduce.published import Numbers, Printed, paper_settings, published_numbers
from reproduce.published.similarity import rows_beside_paper, summary, text_cells
from reproduce.tables import cotraining, sparsity
from training.names import BASELINE


def published_beside(found: Found) -> Published:
    """Published numbers for the networks and the similarities that were found."""
    beside = Published({file.run: _of_network(file) for file in found.evaluations})
    if found.similarity is not None:
        with suppress(UserError):  # another data set, other tasks, other sparsities: nothing is published of them
            rows = rows_beside_paper(found.similarity)
            beside = Published(beside.evaluations, text_cells(rows, "n/a"), summary(rows))
    return beside


def _of_network(file: EvaluationFile) -> list[PublishedRow]:
    """The published row of this network among the sparse networks, and that of its pair of tasks."""
    row = file.method if file.ratio is None else f"{file.method}_{file.ratio}"
    found = []
    if set(file.tasks) == set(paper_settings(file.dataset, "sparsity").tasks):
        numbers = published_numbers(file.dataset, "sparsity")
        found.append((sparsity.SOURCE, dict.fromkeys(file.tasks, row), numbers))
    if file.method == BASELINE and len(file.tasks) == 2:
        partners = dict(zip(file.tasks, reversed(file.tasks), strict=True))
        found.append((cotraining.SOURCE, partners, published_numbers(file.dataset, "cotraining")))
    rows = [PublishedRow(source, _texts(numbers, wanted)) for source, wanted, numbers in found]
    return [published for published in rows if published.values]


def _texts(numbers: Numbers, wanted: dict[str, str]) -> dict[tuple[str, str], str]:
    """(task, metric) -> text; ``wanted`` is each task's row."""
    return {
        (task, metric): _text(printed)
        for (task, row, metric), printed in numbers.items() if wanted.get(task) == row
    }  # fmt: skip


def _text(printed: Printed) -> str:
    """In our unit, with as many digits as were printed."""
    return f"{printed.value / printed.scale:.{printed.decimals + round(log10(printed.scale))}f}"

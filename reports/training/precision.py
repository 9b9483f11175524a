"""``precision.json``: what a batch took in each precision, and which one was taken."""

from typing import Any, ClassVar

from reports.files import JsonFile, Part


class MeasuredPrecision(Part):
    """One measurement.

    Attributes:
        machine: processor or GPU, threads, and torch.
        work: settings of the network and its batches.
        seconds: of a batch forwards and backwards, by precision.
        taken: the precision with the fewest.
    """

    machine: str
    work: dict[str, Any]
    seconds: dict[str, float]
    taken: str


class PrecisionFile(JsonFile):
    """All measurements for a folder of results."""

    what: ClassVar = "a file of measured precisions"
    writer: ClassVar = "--precision auto"

    measured: list[MeasuredPrecision]

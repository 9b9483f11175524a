"""``submitted.json``: which runs were given to a cluster, and under which number it has them."""

from typing import ClassVar

from reports.files import JsonFile, Part


class SubmittedJob(Part):
    """One job of a cluster.

    Attributes:
        launcher: ``slurm``, or ``local`` for a process of this machine.
        job: the launcher's number of it, such as ``12_3``.
        runs: folder and name of each run that it makes, one after another, relative to the file's folder.
    """

    launcher: str
    job: str
    runs: list[str]


class SubmittedFile(JsonFile):
    """The jobs that had not ended at the last look, and those given since."""

    what: ClassVar = "a list of submitted runs"
    writer: ClassVar = "reproduce_tables.py"

    jobs: list[SubmittedJob]

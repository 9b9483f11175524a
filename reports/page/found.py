"""What a folder of results holds, as far as a page shows it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from configs.errors import UserError
from configs.paths import read_regular
from reports.evaluation import EvaluationFile
from reports.evidence.file import EvidenceSection
from reports.files import JsonFile
from reports.gains import GainsFile
from reports.groups.file import GroupsFile
from reports.iou import IoUFile
from reports.page.pictures import SheetFile, embedded
from reports.relatedness.file import RelatednessFile
from reports.relatedness.summary import Summary, summarise
from reports.similarity.file import SimilarityFile
from reports.similarity.report import Report, report_of
from reports.tables_file import TablesFile

SHEET = "data_sheet.json"
MOST_LOG_BYTES = 1 << 28
LOG_COLUMNS = {"iteration", "loss"}

Kind = TypeVar("Kind", bound=JsonFile)
Read = TypeVar("Read")


@dataclass(frozen=True)
class PublishedRow:
    """Published numbers to stand beside an evaluation: (task, metric) -> text, in our unit."""

    source: str
    values: Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class Published:
    """What is published for these results.

    Attributes:
        evaluations: by run.
        similarity: rows of text, as ``json2tab.py --compare_paper`` shows them; None where nothing is published.
        similarity_note: how far the two agree.
    """

    evaluations: Mapping[str, Sequence[PublishedRow]] = field(default_factory=dict)
    similarity: pd.DataFrame | None = None
    similarity_note: str = ""


@dataclass(frozen=True)
class Found:
    """The results in a folder; None, or empty, where there are none of a kind.

    Attributes:
        summaries: of the estimators in ``relatedness``.
        similarity: what ``similarity_file`` holds, as frames.
        gains_hash, relatedness_hash: SHA-256 of the two files that groups are chosen from.
        logs: of training runs, by their names.
        predictions: pictures beside the evaluations, by the names of their files.
        unusable: why files that are there are not used.
    """

    folder: Path
    relatedness: RelatednessFile | None
    summaries: list[Summary]
    similarity_file: SimilarityFile | None
    similarity: Report | None
    groups: GroupsFile | None
    gains: GainsFile | None
    iou: IoUFile | None
    evidence: EvidenceSection | None
    evaluations: list[EvaluationFile]
    logs: dict[str, pd.DataFrame]
    predictions: dict[str, str]
    sheet: SheetFile | None
    hashes: dict[str, str]
    unusable: list[str]
    published: Published = Published()

    @property
    def files(self) -> dict[str, Any]:
        """The result files that are there, by name."""
        named = {
            "relatedness.json": self.relatedness, "gains.json": self.gains, "groups.json": self.groups,
            "similarity.json": self.similarity_file, "iou.json": self.iou,
        }  # fmt: skip
        evaluations = {f"eval_{file.run}.json": file for file in self.evaluations}
        return {name: file for name, file in {**named, **evaluations}.items() if file is not None}

    @property
    def dataset(self) -> str:
        """The data set of most of the files; without a file, the folder's name."""
        names = [file.dataset for file in self.files.values()]
        return max(names, key=names.count) if names else self.folder.resolve().name

    @property
    def tasks(self) -> list[str]:
        """The tasks of all files of that data set, each once."""
        names = [task for file in self.files.values() if file.dataset == self.dataset for task in file.tasks]
        return list(dict.fromkeys(names))

    @property
    def config(self) -> dict[str, Any]:
        """The settings that the first file with all of these tasks was made with; empty where none has any."""
        files = [file for file in self.files.values() if file.dataset == self.dataset]
        files.sort(key=lambda file: -len(file.tasks))
        configs = (getattr(file, "config", None) for file in files)
        return next((config for config in configs if config), {})


def read_folder(folder: Path) -> Found:
    """Read the results in a folder; files that cannot be used are left out, and named in ``unusable``.

    Raises:
        UserError: there is no such folder, or nothing in it that can be shown.
    """
    remedy = "run task_relatedness.py first, or name the folder of another run's results"
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of results; {remedy}")
    files = _Files(folder)
    read, every = files.read, files.every
    similarity = read("similarity.json", _read_similarity)
    relatedness = read("relatedness.json", RelatednessFile.read)
    found = Found(
        folder=folder,
        relatedness=relatedness,
        summaries=[] if relatedness is None else summarise(relatedness),
        similarity_file=None if similarity is None else similarity[0],
        similarity=None if similarity is None else similarity[1],
        groups=read("groups.json", GroupsFile.read),
        gains=read("gains.json", GainsFile.read),
        iou=read("iou.json", IoUFile.read),
        evidence=read("tables.json", _read_evidence),
        evaluations=list(every("eval_*.json", EvaluationFile.read).values()),
        logs={name.removesuffix(".csv"): log for name, log in every("*.csv", _read_log).items()},
        predictions=every("eval_*.png", embedded) | every("eval_*.jp*g", embedded),
        sheet=read(SHEET, SheetFile.read),
        hashes={name: hashed for name in ("relatedness.json", "gains.json") if (hashed := read(name, _hash))},
        unusable=files.unusable,
    )
    if not (found.files or found.logs or found.evidence):
        raise UserError(found.unusable[0] if found.unusable else f"{folder}: no results are in it; {remedy}")
    return found


class _Files:
    """The files of a folder, read one by one; why one cannot be used is noted in ``unusable``, once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.unusable: list[str] = []

    def read(self, name: str, how: Callable[[Path], Read | None]) -> Read | None:
        """What a file holds; None if it is not there or cannot be used."""
        path = self._folder / name
        try:
            return how(path) if path.exists() else None
        except UserError as error:
            if str(error) not in self.unusable:
                self.unusable.append(str(error))
            return None

    def every(self, pattern: str, how: Callable[[Path], Read | None]) -> dict[str, Read]:
        """What the files of a pattern hold, by their names."""
        found = {name: self.read(name, how) for name in sorted(path.name for path in self._folder.glob(pattern))}
        return {name: value for name, value in found.items() if value is not None}


def _read_similarity(path: Path) -> tuple[SimilarityFile, Report]:
    file = SimilarityFile.read(path)
    return file, report_of(file, str(path))


def _read_evidence(path: Path) -> EvidenceSection | None:
    """The table of that name, where it is among those in the file."""
    section = TablesFile.read(path).tables.get("evidence")
    return None if section is None else section.as_kind(EvidenceSection)


def _hash(path: Path) -> str:
    return hashlib.sha256(read_regular(path, 1 << 29)).hexdigest()


def _read_log(path: Path) -> pd.DataFrame | None:
    """The log of a training run; None for a file of another kind, or one that has no step yet."""
    try:
        frame = pd.read_csv(BytesIO(read_regular(path, MOST_LOG_BYTES)))
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError):
        return None
    if frame.empty or not set(frame.columns) >= LOG_COLUMNS:
        return None
    numbers = frame.apply(pd.to_numeric, errors="coerce")
    return numbers.dropna(subset=["iteration"])

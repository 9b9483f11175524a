"""What the values of groups are taken from: ``relatedness.json`` or ``gains.json``."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from configs.errors import UserError
from relatedness.grouping.values import Measurements, estimated, measured
from reports.files import JsonFile
from reports.gains import GainsFile
from reports.groups.file import GAINS
from reports.relatedness.file import LayerDetail, read_relatedness
from reports.relatedness.summary import leading


@dataclass(frozen=True)
class Source:
    """The values in a file.

    Attributes:
        digest: of the file's content.
        name: the estimator, or ``gains``.
        detail: the same by layer, of an estimator that has such values.
    """

    path: Path
    digest: str
    dataset: str
    name: str
    data: Measurements
    detail: LayerDetail | None = None


class _EitherFile(JsonFile):
    what: ClassVar[str] = "a file of relatedness or of measured gains"
    writer: ClassVar[str] = "task_relatedness.py"

    estimators: Any = None
    runs: Any = None


def read_source(path: Path, estimator: str | None) -> Source:
    """Read either kind of file.

    Args:
        estimator: which one's values are wanted; None: those of the first in the file that can tell a twin from noise
            and is no baseline, as ``task_relatedness.py`` recommends by; of the first, if none can.

    Raises:
        UserError: the file cannot be used, or has no such estimator.
    """
    kind = _EitherFile.read(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if kind.runs is not None:
        if estimator is not None:
            raise UserError(f"--estimator: {path} holds measured gains, no estimates; leave the flag out")
        gains = GainsFile.read(path)
        return Source(path, digest, gains.dataset, GAINS, measured(gains))
    if kind.estimators is None:
        raise UserError(
            f"{path}: neither relatedness (estimators) nor measured gains (runs); task_relatedness.py writes the one, "
            f"reproduce_tables.py --table evidence the other"
        )
    file = read_relatedness(path)
    name = estimator or leading(file.estimators)
    if name not in file.estimators:
        raise UserError(f"--estimator: {path} has no '{name}'; it has {', '.join(file.estimators)}")
    result = file.estimators[name]
    data = estimated(result, file.tasks, f"{path}: estimators.{name}")
    return Source(path, digest, file.dataset, name, data, result.by_layer)

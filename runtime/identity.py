"""The identity of a piece of work: everything that its numbers depend on, and a hash of it.

"Is this done already?", "may this be reused?" and "may this go on?" are comparisons of ``key`` or ``request``.
``differing`` says in words why two are not the same; it serves messages only.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from configs.affects import Stage, affecting, flatten
from configs.schema import Config
from models import library
from runtime.closure import own_code, project_code
from runtime.contents import UNNAMED, Rows, contents_of
from runtime.setup import Setup

LIBRARIES = {
    "torch": "torch", "torchvision": "torchvision", "numpy": "numpy", "scipy": "scipy", "PIL": "pillow",
    "torch_pruning": "torch-pruning",
}  # fmt: skip
"""What computes or decodes for us: by the name it is imported under, the name it is installed under."""
OWN = re.compile(r'"([A-Za-z_][\w.]*):[A-Za-z_]\w*"')
"""A thing of the user's own in the settings as JSON: ``module:attribute``."""
PROJECT, BEGINNING = "the project", "what it was begun with"


class Identity(BaseModel):
    """What the numbers of one piece of work depend on; plain values.

    Attributes:
        stage: what kind of numbers they are.
        settings: ``section.key`` -> value, of all that affect the stage, and what flags and the work itself add.
        data: of the files read, the samples in order and their contents (sizes where there is too much to read); None
            where the data set does not name its files.
        stamps: times of those files that were not read; "" where all were.
        code: hashes of source code: ours, and each module of the user's own.
        versions: of libraries, and the kind of device.
        after: of the work whose result this begins with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: Stage
    settings: dict[str, Any]
    data: str | None
    stamps: str
    code: dict[str, str]
    versions: dict[str, str]
    after: "Identity | None" = None

    @property
    def key(self) -> str:
        """A hash of all of it, 16 hexadecimal digits: only work of an equal key is certain to give the same numbers."""
        return _digest(self.model_dump(mode="json"))

    @property
    def request(self) -> str:
        """A hash of what was asked for, and of which data; which code and libraries did it does not count.

        Long work goes on where this is equal, and says so where ``key`` is not: a newer library, or a mended reader,
        should not cost days. Nor does a setting without a value: an earlier version may not have had it yet.
        """
        before = None if self.after is None else self.after.request
        given = {name: value for name, value in self.settings.items() if value is not None}
        return _digest([self.stage, given, self.data, before])

    @property
    def complete(self) -> bool:
        """Whether all data are known. If not, no other work has an equal ``key``, and nothing is worth keeping."""
        return self.data is not None and (self.after is None or self.after.complete)


def identity_of(
    stage: Stage,
    setup: Setup,
    *,
    sources: Rows | None,
    entry: Sequence[str],
    further: Mapping[str, Any],
    after: Identity | None = None,
) -> Identity:
    """The identity of a piece of work.

    Args:
        sources: the files it reads, sample by sample in the order of use (``runtime.contents.rows_of``).
        entry: names of the modules that do it; the code is what they import, and what that imports.
        further: what flags say, and settings that count where they are used, as ``section.key`` where they have one.
        after: of the work whose result this begins with.
    """
    config = setup.config
    flat = flatten(config.model_dump(mode="json"))
    for name, task in setup.tasks.items():  # what a task has read from files stands in its options by now
        flat |= flatten(task.model_dump(exclude={"name"}), f"tasks.{name}.")
    settings = affecting(Config, flat, stage)
    settings |= {"tasks": list(setup.tasks), "precision": setup.runtime.precision}
    settings |= {**_beginning(setup, stage), **further}
    text = json.dumps(settings, default=_plain)
    contents = contents_of(sources, config.data.root)
    ours, libraries = project_code(entry)
    of_model = {name for name in (library(config.model),) if name is not None}
    named = sorted({*OWN.findall(text)} - of_model)
    own, own_libraries = own_code(named, [Path.cwd(), config.source.parent])
    return Identity(
        stage=stage,
        settings=json.loads(text),
        data=contents.data,
        stamps=contents.stamps,
        code={PROJECT: ours, **own},
        versions={**_versions(libraries | own_libraries, of_model), "device": setup.runtime.device.type},
        after=after,
    )


def differing(then: Identity, now: Identity) -> list[str]:
    """In words, all that is not the same; for messages."""
    return [*differing_requests(then, now), *differing_making(then, now)]


def differing_requests(then: Identity, now: Identity) -> list[str]:
    """In words, why ``request`` is not the same."""
    found = differing_settings(then.settings, now.settings)
    if then.data != now.data:
        found.append("the data have changed")
    if then.after is not None and now.after is not None:
        found += [text for text in differing_requests(then.after, now.after) if text not in found]
    elif then.after is not now.after:
        found.append("what it begins with has changed")
    return found


def differing_making(then: Identity, now: Identity) -> list[str]:
    """In words, why ``key`` is not the same although ``request`` is."""
    found = [
        "the code has changed" if name == PROJECT else f"your module {name} has changed"
        for name in dict.fromkeys([*then.code, *now.code])
        if name != BEGINNING and then.code.get(name) != now.code.get(name)
    ]
    found += differing_settings(then.versions, now.versions)
    if None in (then.data, now.data):
        found.append(f"whether the data have changed is not known ({UNNAMED})")
    elif then.stamps != now.stamps:
        found.append("the data files have been written or moved")
    if then.after is not None and now.after is not None:
        found += [text for text in differing_making(then.after, now.after) if text not in found]
    return found


def gone_on(then: Identity | None, now: Identity) -> Identity:
    """The identity of work that was begun as ``then`` and goes on as ``now``: of neither's key if the two differ.

    Args:
        then: None where that is not known.
    """
    if then is None:
        return now.model_copy(update={"code": {**now.code, BEGINNING: "unknown"}})
    latest = {name: code for name, code in then.code.items() if name != BEGINNING}
    if then.model_copy(update={"code": latest}).key == now.key:
        return then
    return now.model_copy(update={"code": {**now.code, BEGINNING: then.key}})


def differing_settings(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """In words, each setting that is not the same, with both values."""
    return [
        f"{key} was {then.get(key)} and is {now.get(key)}"
        for key in dict.fromkeys([*then, *now])
        if then.get(key) != now.get(key)
    ]


def _beginning(setup: Setup, stage: Stage) -> dict[str, Any]:
    """What the network begins with, and which weights are scored, where the one or the other is not as published."""
    found: dict[str, Any] = {}
    if setup.pretrained is not None and stage != "evaluation":
        found["model.weights"] = setup.pretrained.digest
    if setup.init != "xavier" and stage == "scores":
        found["scoring.init"] = setup.init
    return found


def _versions(imported: Iterable[str], others: Iterable[str] = ()) -> dict[str, str]:
    """Of the libraries that count among those imported, and of others."""
    found = {}
    for name in sorted({*(LIBRARIES.keys() & set(imported)), *others}):
        try:
            found[name] = version(LIBRARIES.get(name, name))
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _plain(value: object) -> str:
    """What JSON cannot hold, by its content."""
    if isinstance(value, Tensor | np.ndarray):
        array = value.detach().cpu().numpy() if isinstance(value, Tensor) else value
        return f"{array.dtype} {list(array.shape)} {hashlib.sha256(array.tobytes()).hexdigest()[:16]}"
    return f"{value}"


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]

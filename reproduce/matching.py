"""Whether a file is what a planned run would have made; one of other settings never passes for it."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import isclose
from pathlib import Path
from typing import Any

import torch
from torch.utils.serialization import config as serialization

from configs import UserError
from configs.affects import Stage, affects, flatten
from configs.schema import Config
from prune_utils.keep_ratio import stated_keep_ratio
from reproduce.runs import SPARSITIES, SimilarityRun, TrainingRun
from training.checkpoints import Checkpoint, read_checkpoint
from training.identities import FIXED
from training.job import check_origin
from training.names import pruned_path

Counts = Callable[[str], bool]
MALFORMED = (KeyError, TypeError, AttributeError)


@contextmanager
def mapped() -> Iterator[None]:
    """Inside, torch maps a checkpoint's tensors into memory and reads only those that are looked at."""
    with serialization.patch("load.mmap", True):  # type: ignore[attr-defined]
        yield


def evaluation_of(run: TrainingRun) -> dict[str, Any] | None:
    """What ``eval_pruned_net.py`` wrote about the run's final network; None if that is missing, or is of another."""
    content, job = read_json(run.evaluation), run.job
    if content is None:
        return None
    try:
        then = {**flatten(content["config"]), **{key: content[key] for key in ("method", "ratio", "tasks")}}
        then |= {key: content["provenance"][key] for key in ("seed", "precision")}
        then |= {"iteration": content["details"]["iteration"], "checkpoint": Path(content["checkpoint"]).name}
        then["metrics"] = {task: sorted(values) for task, values in content["metrics"].items()}
    except MALFORMED:
        return None
    now = {
        **flatten(job.setup.config.model_dump(mode="json")),
        "method": job.method,
        "ratio": job.ratio,
        "tasks": list(run.tasks),
        "seed": job.setup.seed,
        "precision": job.setup.runtime.precision,
        "iteration": job.schedule.max_iters,
        "checkpoint": job.final.name,
        "metrics": {name: sorted(task.higher_is_better) for name, task in job.setup.tasks.items()},
    }
    # When the masks were fixed is not in the file but for train.max_iters and dynamic.end.
    dynamic = ("train.max_iters", "dynamic.end") if job.dynamic is not None else ()
    counts = counting("training", "evaluation", *(("scores",) if run.prunes_once else ()))
    return None if differing(then, now, lambda key: counts(key) or key in dynamic) else content


def similarity_is_done(run: SimilarityRun) -> bool:
    """Whether ``similarity.json`` is there and of these settings."""
    content, config = read_json(run.path), run.setup.config
    if content is None:
        return False
    published = config.scoring.keep_ratios.get("static", {})
    try:
        then, now = flatten(content["config"]), flatten(config.model_dump(mode="json"))
        counts = (content["num_batches"], content["num_seeds"], tuple(content["sparsities"]), content["tasks"])
        place = (content["provenance"]["seed"], content["provenance"]["precision"])
        ratios = [content["keep_ratios"][str(sparsity)] for sparsity in SPARSITIES]
    except MALFORMED:
        return False
    return (
        not differing(then, now, counting("scores", where_used=False))
        and counts == (run.num_batches, run.num_seeds, SPARSITIES, list(run.setup.tasks))
        and place == (run.setup.seed, run.setup.runtime.precision)
        and all(
            isclose(ratio, stated_keep_ratio("published", sparsity, published) or 0)
            for sparsity, ratio in zip(SPARSITIES, ratios, strict=True)
        )
    )


def other_settings(run: TrainingRun, checkpoint: Checkpoint) -> str:
    """What is wrong if ``last_`` was made with other settings; "" if nothing is.

    Raises:
        UserError: it is of another data set, method or sparsity.
    """
    job = run.job
    check_origin(job, checkpoint, job.last)
    if checkpoint.training is None:
        return f"{job.last} lacks the state of its training"
    then = {**flatten(checkpoint.config), **checkpoint.training.get("run", {})}
    now = {**flatten(job.setup.config.model_dump(mode="json")), **run_flags(run)}
    counts = counting("training", *(("scores",) if run.prunes_once else ()))
    found = differing(then, now, lambda key: counts(key) and key != "dynamic.end")
    return f"{job.last} was made with other settings ({'; '.join(found)})" if found else ""


def pruned_is_usable(run: TrainingRun) -> bool:
    """Whether the run's pruned network is there and of these settings."""
    job, setup = run.job, run.job.setup
    path = pruned_file(run)
    if not path.exists():
        return False
    try:
        with mapped():
            checkpoint = read_checkpoint(path, list(run.tasks))
            if run.source is not None and not (run.source.job.final.exists() and has_weights_of_source(run, path)):
                return False
    except UserError:  # damaged: it is made again
        return False
    assert job.sparsifier is not None
    options = job.sparsifier.model_dump() | ({} if run.criterion is None else {"criterion": run.criterion})
    wanted = {"seed": setup.seed, "num_batches": setup.config.scoring.num_batches, **options}
    then, now = flatten(checkpoint.config), flatten(setup.config.model_dump(mode="json"))
    return (
        (checkpoint.method, checkpoint.ratio, checkpoint.tasks) == (job.method, job.ratio, list(run.tasks))
        and all(checkpoint.details.get(key) == value for key, value in wanted.items())
        and not differing(then, now, counting("scores"))
    )


def pruned_file(run: TrainingRun) -> Path:
    """Where ``create_pruned_net.py`` writes the run's network."""
    return pruned_path(run.job.setup, run.job.method, run.job.ratio)


def has_weights_of_source(run: TrainingRun, path: Path) -> bool:
    """Whether a pruned network has the weights of the run's source; one training step changes every tensor.

    Raises:
        UserError: one of the two files cannot be used.
    """
    assert run.source is not None
    with mapped():
        ours, theirs = (read_checkpoint(file, list(run.tasks)).weights for file in (path, run.source.job.final))
        first = next(iter(ours))
        return first in theirs and torch.equal(ours[first], theirs[first])


def has_masks(path: Path, checkpoint: Checkpoint) -> bool:
    """Whether the masks in a file are the checkpoint's.

    Raises:
        UserError: the file cannot be used.
    """
    with mapped():
        masks = read_checkpoint(path, checkpoint.tasks).masks
        return masks.keys() == checkpoint.masks.keys() and all(
            torch.equal(mask, checkpoint.masks[name]) for name, mask in masks.items()
        )


def run_flags(run: TrainingRun) -> dict[str, Any]:
    """What makes a run what it is beside the settings of its YAML file."""
    job = run.job
    fixed = job.dynamic.end if job.dynamic else None
    return {"seed": job.setup.seed, "precision": job.setup.runtime.precision, FIXED: fixed}


def counting(*stages: Stage, where_used: bool = True) -> Counts:
    """Which settings affect one of these stages; the data root, and what the schema does not know, always count."""

    def counts(key: str) -> bool:
        said = affects(Config, key)
        if said is None or key == "data.root":
            return True
        return bool({*stages} & {*said.stages}) and (where_used or not said.where_used)

    return counts


def differing(then: Mapping[str, Any], now: Mapping[str, Any], counts: Counts) -> list[str]:
    """Each setting that counts and is not the same, with both values."""
    return [
        f"{key} was {then.get(key)} and is {now.get(key)}"
        for key in dict.fromkeys([*then, *now])
        if counts(key) and _comparable(key, then.get(key)) != _comparable(key, now.get(key))
    ]


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a file; None if there is no file, or no whole object in it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _comparable(key: str, value: Any) -> Any:
    return str(Path(value).resolve()) if key == "data.root" and value is not None else value

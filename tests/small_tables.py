"""Plans of tables, and files as finished and unfinished runs leave them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from configs import flags
from configs.flags import SharedFlags
from reports.evaluation import Cost, EvaluationFile, ImageCost, Sparsities
from reports.similarity.file import SimilarityFile, column_name, row_name, sparsity_sets
from reproduce.plan import SPARSITIES, TablePlan, Wanted, plan_tables
from reproduce.planned import AnyRun, PlannedStudy, PlannedTraining
from runtime.device import Runtime
from runtime.identity import Identity
from runtime.setup import Setup
from tasks import build_tasks
from training.checkpoints.checkpoint import Checkpoint, write_checkpoint

NO_FILE = {"taskonomy": ["--set", "tasks.seg.class_weights=null"], "sample": ["--set", "tasks.seg.class_weights=null"]}
"""Settings without the file of class weights."""


def shared_flags(dataset: str, *words: object) -> SharedFlags:
    """The shared flags as a script reads them; data at /data unless the words say otherwise."""
    given = ["--dataset", dataset, "--data_root", "/data", *NO_FILE.get(dataset, []), *map(str, words)]
    return SharedFlags.of(flags.script_parser("").parse_args(given))


def setup_without_data(shared: SharedFlags) -> Setup:
    """What ``prepare`` gives, for data that may not be there."""
    every = shared.settings(all_tasks=True)
    config = every.select_tasks(shared.tasks)
    runtime = Runtime(torch.device("cpu"), shared.precision)
    return Setup(config, build_tasks(config, None), list(every.tasks), runtime, shared, shared.destination(config))


def plans(dataset: str, *words: object, **wanted: Any) -> dict[str, TablePlan]:
    """The plans of a data set's tables by table; ``words`` are shared flags."""
    setup = setup_without_data(shared_flags(dataset, *words))
    return {plan.table: plan for plan in plan_tables(Wanted(**wanted), setup)}


def names(runs: list[Any]) -> list[str]:
    return [run.name for run in runs]


def checkpoint_of(run: PlannedTraining, identity: Identity | None, **values: Any) -> Checkpoint:
    """A network of two weights; masked if its method prunes."""
    setup, job = run.setup, run.job
    setup.dest.mkdir(parents=True, exist_ok=True)
    return Checkpoint(
        dataset=setup.config.name,
        tasks=list(run.tasks),
        method=job.method,
        ratio=job.ratio,
        config=setup.config.model_dump(mode="json"),
        weights={"layer.weight": torch.tensor([1.0, 2.0])},
        masks={} if job.ratio is None else {"layer.weight": torch.tensor([True, False])},
        identity=identity,
        **values,
    )


def leave_last(run: PlannedTraining, iteration: int, identity: Identity | None = None) -> None:
    """``last_`` as a run leaves it that was stopped at an iteration, and at its end ``final_``."""
    job, identity = run.job, identity or run.identity
    write_checkpoint(job.last, checkpoint_of(run, identity, training={"iteration": iteration}))
    if iteration == job.schedule.max_iters:
        write_checkpoint(job.final, checkpoint_of(run, identity, details={"iteration": iteration}))


def leave_pruned(run: PlannedTraining) -> None:
    """The network of ``create_pruned_net.py``."""
    write_checkpoint(run.pruned, checkpoint_of(run, run.start))


def leave_evaluation(run: PlannedTraining, numbers: Mapping[str, float | None] | None = None, **changes: Any) -> None:
    """``eval_<run>.json``; every metric is 0.5 but those in ``numbers``, by "task metric"."""
    job, setup, numbers = run.job, run.setup, numbers or {}
    tasks = setup.tasks.items()
    content = {
        "run": run.name,
        "dataset": setup.config.name,
        "tasks": list(run.tasks),
        "method": job.method,
        "ratio": job.ratio,
        "checkpoint": str(job.final),
        "checkpoint_bytes": 1,
        "details": {"iteration": job.schedule.max_iters},
        "sparsity": Sparsities(all=float(job.ratio or 0), parts={}, layers={}),
        "parameters": Cost(dense=2, sparse=1),
        "multiply_adds": ImageCost(dense=2, sparse=1, image=(1, 1)),
        "metrics": {
            name: {metric: numbers.get(f"{name} {metric}", 0.5) for metric in task.higher_is_better}
            for name, task in tasks
        },
        "higher_is_better": {name: dict(task.higher_is_better) for name, task in tasks},
        "config": setup.config.model_dump(mode="json"),
        "provenance": {},
        "identity": run.result.model_dump(mode="json"),
    }
    setup.dest.mkdir(parents=True, exist_ok=True)
    EvaluationFile(**{**content, **changes}).write(run.path)


def leave_similarity(
    run: PlannedStudy, value: float = 0.5, numbers: Mapping[str, float | list[float]] | None = None
) -> None:
    """``similarity.json``; every similarity is ``value`` but those in ``numbers``, by "task_a/task_b".

    A list of numbers is of single seeds; where there are such, all other similarities have them as well.
    """
    tasks, (num_batches, num_seeds) = list(run.setup.tasks), (int(run.words[i]) for i in (2, 4))
    pairs = [(a, b) for i, a in enumerate(tasks) for b in tasks[i + 1 :]]
    given = {pair: (numbers or {}).get("/".join(pair), value) for pair in pairs}
    by_seed = {pair: [x] * num_seeds if isinstance(x, float) else x for pair, x in given.items()}
    several = any(isinstance(number, list) for number in given.values())
    rows = [row_name(weighting, measure) for weighting in ("equal", "linear", "five_zeros", "av_sparsity", "epi_like")
            for measure in ("epi", "iou", "sals", "masked_sals")]  # fmt: skip
    seeds = {column_name(s, *pair): by_seed[pair] for s in sparsity_sets(SPARSITIES) for pair in pairs}
    means = {name: sum(values) / len(values) for name, values in seeds.items()}
    run.path.parent.mkdir(parents=True, exist_ok=True)
    SimilarityFile(
        dataset=run.setup.config.name,
        tasks=tasks,
        sparsities=list(SPARSITIES),
        num_seeds=num_seeds,
        num_batches=num_batches,
        table=dict.fromkeys(rows, means),
        stderr=dict.fromkeys(rows, dict.fromkeys(means, None)),
        seeds=dict.fromkeys(rows, seeds) if several else {},
        layers={"seed": [], "sparsity": [], "pair": [], "layer": []},
        identity=run.identity.model_dump(mode="json"),
    ).write(run.path)


def finish(run: AnyRun) -> None:
    """All files that a finished run leaves."""
    if isinstance(run, PlannedStudy):
        leave_similarity(run)
        return
    if run.start is not None:
        leave_pruned(run)
    leave_last(run, run.job.schedule.max_iters)
    leave_evaluation(run)


def rooms_at(root: Path) -> list[object]:
    """Flags for rendered rooms of 48 x 48 pixels."""
    return ["--data_root", root, "--set", "data.options={size: 48}"]

"""Plans of tables without any data, and files as finished and unfinished runs leave them."""

import json
from collections.abc import Mapping
from typing import Any

import torch

from configs import flags
from configs.flags import SharedFlags
from reproduce.matching import pruned_file, run_flags
from reproduce.plan import TablePlan, Wanted, plan_tables
from reproduce.runs import AnyRun, SimilarityRun, TrainingRun
from runtime.device import Runtime
from runtime.setup import Setup
from tasks import build_tasks
from training.checkpoints import Checkpoint, write_checkpoint

NO_FILE = {"taskonomy": ["--set", "tasks.seg.class_weights=null"], "sample": ["--set", "tasks.seg.class_weights=null"]}
"""Settings without the file of class weights."""


def shared_flags(dataset: str, *words: object) -> SharedFlags:
    """The shared flags as a script reads them; data at /data."""
    given = ["--dataset", dataset, "--data_root", "/data", *NO_FILE.get(dataset, []), *map(str, words)]
    return SharedFlags.of(flags.script_parser("").parse_args(given))


def setup_without_data(shared: SharedFlags) -> Setup:
    """What ``prepare`` gives, for data that are not there."""
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


def network(value: float = 1.0, mask: bool = True) -> tuple[dict[str, Any], dict[str, Any]]:
    """Weights and masks of two numbers."""
    return {"layer.weight": torch.tensor([value, 2.0])}, {"layer.weight": torch.tensor([mask, False])}


def leave_last(run: TrainingRun, iteration: int, value: float = 1.0, mask: bool = True, **further: Any) -> None:
    """``last_`` as a run leaves it that was stopped at an iteration, and at its end ``final_``."""
    job = run.job
    config = job.setup.config.model_dump(mode="json")
    weights, masks = network(value, mask)
    parts = (job.setup.config.name, list(run.tasks), job.method, job.ratio, config, weights)
    masks = masks if job.ratio is not None else {}
    job.setup.dest.mkdir(parents=True, exist_ok=True)
    training = {"iteration": iteration, "run": {**run_flags(run), **further}}
    write_checkpoint(job.last, Checkpoint(*parts, masks, training))
    if iteration == job.schedule.max_iters:
        write_checkpoint(job.final, Checkpoint(*parts, masks))


def leave_pruned(run: TrainingRun, value: float = 1.0, mask: bool = True, **details: Any) -> None:
    """The network of ``create_pruned_net.py``."""
    job, setup = run.job, run.job.setup
    weights, masks = network(value, mask)
    assert job.sparsifier is not None
    options = job.sparsifier.model_dump() | ({} if run.criterion is None else {"criterion": run.criterion})
    made = {"seed": setup.seed, "num_batches": setup.config.scoring.num_batches, **options, **details}
    config = setup.config.model_dump(mode="json")
    setup.dest.mkdir(parents=True, exist_ok=True)
    path = pruned_file(run)
    write_checkpoint(
        path, Checkpoint(setup.config.name, list(run.tasks), job.method, job.ratio, config, weights, masks, None, made)
    )


def leave_evaluation(run: TrainingRun, numbers: Mapping[str, float | None] | None = None, **changes: Any) -> None:
    """``eval_<run>.json``; every metric is 0.5 but those in ``numbers``, by "task metric"."""
    job, setup = run.job, run.job.setup
    numbers = numbers or {}
    content = {
        "method": job.method,
        "ratio": job.ratio,
        "tasks": list(run.tasks),
        "checkpoint": str(job.final),
        "details": {"iteration": job.schedule.max_iters},
        "sparsity": {"all": float(job.ratio or 0)},
        "metrics": {
            name: {metric: numbers.get(f"{name} {metric}", 0.5) for metric in task.higher_is_better}
            for name, task in setup.tasks.items()
        },
        "config": setup.config.model_dump(mode="json"),
        "provenance": {"seed": setup.seed, "precision": setup.runtime.precision},
    }
    setup.dest.mkdir(parents=True, exist_ok=True)
    run.evaluation.write_text(json.dumps({**content, **changes}))


def leave_similarity(run: SimilarityRun, value: float = 0.5, numbers: Mapping[str, float] | None = None) -> None:
    """``similarity.json``; every similarity is ``value`` but those in ``numbers``, by "task_a/task_b"."""
    tasks, sparsities = list(run.setup.tasks), [30, 50, 70, 90]
    pairs = [(a, b) for i, a in enumerate(tasks) for b in tasks[i + 1 :]]
    chosen = [*map(str, sparsities), "30,50,70,90"]
    entries = {f"s{s}_X_{a}_X_{b}": (numbers or {}).get(f"{a}/{b}", value) for s in chosen for a, b in pairs}
    rows = [f"{weighting}_X_{measure}" for weighting in ("equal", "linear", "five_zeros", "av_sparsity", "epi_like")
            for measure in ("epi", "iou", "sals", "masked_sals")]  # fmt: skip
    published = run.setup.config.scoring.keep_ratios.get("static", {})
    content = {
        "schema": 1,
        "dataset": run.setup.config.name,
        "tasks": tasks,
        "sparsities": sparsities,
        "keep_ratios": {str(s): published.get(s, (100 - s) / 100) for s in sparsities},
        "num_seeds": run.num_seeds,
        "num_batches": run.num_batches,
        "config": run.setup.config.model_dump(mode="json"),
        "provenance": {"seed": run.setup.seed, "precision": run.setup.runtime.precision},
        "table": dict.fromkeys(rows, entries),
        "stderr": dict.fromkeys(rows, dict.fromkeys(entries, None)),
        "layers": {"seed": [], "sparsity": [], "pair": [], "layer": []},
    }
    run.path.parent.mkdir(parents=True, exist_ok=True)
    run.path.write_text(json.dumps(content))


def finish(run: AnyRun) -> None:
    """All files that a finished run leaves."""
    if isinstance(run, SimilarityRun):
        leave_similarity(run)
        return
    if run.prunes_once:
        leave_pruned(run)
    leave_last(run, run.job.schedule.max_iters)
    leave_evaluation(run)

"""All estimators in all replicates, kept estimates first, and what they say as ``relatedness.json``."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from configs import UserError
from relatedness import store
from relatedness.base import Estimator, Relatedness
from relatedness.controls import split_controls
from relatedness.study import Plan, Study
from reports.relatedness.file import EstimatorCost, EstimatorResult, LayerDetail, RelatednessFile, Settling
from reports.relatedness.summary import sensitivity
from runtime.identity import UNNAMED
from runtime.passes import check_shared, scoring_batch_size
from runtime.provenance import Stopwatch, peak_memory_mb, provenance
from runtime.setup import Setup

Found = dict[str, list[Relatedness]]
"""Label -> what the estimator says in each replicate."""


@dataclass(frozen=True)
class RelatednessRun:
    """What is asked for.

    Attributes:
        setup: settings, tasks, device; its seed is that of the first replicate.
        plan: batches, controls, warm-up.
        replicates: how many.
        estimators: by label.
        left_out: label -> why an estimator cannot work on this data.
        folder: where each estimate is kept.
    """

    setup: Setup
    plan: Plan
    replicates: int
    estimators: Mapping[str, Estimator]
    left_out: Mapping[str, str]
    folder: Path


def make_run(
    setup: Setup, plan: Plan, replicates: int, estimators: Mapping[str, Estimator], named: bool, folder: Path
) -> RelatednessRun:
    """A run with those estimators that can work on this data; checked before any work is done.

    Args:
        named: whether the estimators were asked for by name; then one that cannot work is an error.

    Raises:
        UserError: too few batches or pictures, or no estimator is left.
    """
    check_shared(setup, plan.num_batches)
    if plan.controls and plan.num_batches * scoring_batch_size(setup) < 2:
        raise UserError("--num_batches: a floor needs the targets of another picture; ask for more, or --no_controls")
    study = Study(setup, plan, 0)
    problems = {label: _problem(estimator, study) for label, estimator in estimators.items()}
    left_out = {label: problem for label, problem in problems.items() if problem is not None}
    if left_out and (named or len(left_out) == len(estimators)):
        label, problem = next(iter(left_out.items()))
        raise UserError(f"--estimators: {label} cannot be had here: {problem}")
    usable = {label: estimator for label, estimator in estimators.items() if label not in left_out}
    return RelatednessRun(setup, plan, replicates, usable, left_out, folder)


def run_all(
    run: RelatednessRun, watch: Stopwatch, force: bool, enough: Callable[[Found], bool] = lambda found: False
) -> tuple[Found, int, dict[str, Any]]:
    """What every estimator says in every replicate.

    Args:
        force: make all anew even where kept estimates would do.
        enough: is asked after each replicate, given all up to then, whether to leave out the others.

    Returns:
        the estimates, how many had to be made, and the identity of them all.
    """
    with watch.stage("checking what is kept"):
        files = {(label, r): _file(run, label, r) for r in range(run.replicates) for label in run.estimators}
        kept = {place: None if force or file is None else store.load(file) for place, file in files.items()}
    estimates = run.setup.runtime.agree({place: one for place, one in kept.items() if one is not None})
    missing = [place for place in files if place not in estimates]
    quiet = not (missing and run.setup.runtime.is_main)
    found: Found = {label: [] for label in run.estimators}
    with tqdm(total=len(missing), unit="estimate", disable=quiet) as bar, watch.stage("estimating"):
        if None in files.values() and not quiet:
            bar.write(f"nothing is kept for another time: {UNNAMED}", sys.stderr)
        for replicate in range(run.replicates):
            chosen = {label: files[label, replicate] for label, r in missing if r == replicate}
            made = _one_replicate(run, replicate, chosen, bar) if chosen else {}
            for label, estimates_so_far in found.items():
                estimates_so_far.append(made[label] if label in made else estimates[label, replicate])
            if run.setup.runtime.agree(enough(found)):
                break
    fresh = sum(r <= replicate for _, r in missing)
    return found, fresh, _keys({place: file for place, file in files.items() if place[1] <= replicate})


def estimates_identity(run: RelatednessRun) -> dict[str, str | None]:
    """The identity of what ``run_all`` gives: the key of each estimate, by label and replicate; None if it has none."""
    return _keys({(label, r): _file(run, label, r) for r in range(run.replicates) for label in run.estimators})


def report(
    run: RelatednessRun,
    found: Found,
    identity: dict[str, Any],
    watch: Stopwatch,
    settling: Settling | None = None,
) -> RelatednessFile:
    """What ``relatedness.json`` holds."""
    setup = run.setup
    study = Study(setup, run.plan, 0)
    return RelatednessFile(
        identity=identity,
        dataset=setup.config.name,
        tasks=list(setup.tasks),
        replicates=len(next(iter(found.values()))),
        num_batches=run.plan.num_batches,
        config=setup.config.model_dump(mode="json"),
        provenance={"seed": setup.seed, "warmup": run.plan.warmup, **provenance(setup.runtime, watch.seconds)},
        estimators={
            label: result_of(run.estimators[label], estimates, run.estimators[label].remarks(study))
            for label, estimates in found.items()
        },
        left_out=dict(run.left_out),
        settling=settling,
    )


def _one_replicate(
    run: RelatednessRun, replicate: int, files: Mapping[str, Path | None], bar: tqdm
) -> dict[str, Relatedness]:
    """Estimates by the label of a file; what they share is made once, and each is kept as soon as it is there."""
    scored = [label for label in files if run.estimators[label].uses_scores]
    study = Study(run.setup, run.plan, replicate, with_scores=bool(scored))
    found = {}
    for label, file in files.items():
        bar.set_description(f"replicate {replicate + 1} of {run.replicates}: {label}")
        found[label] = estimate_once(run.estimators[label], study)
        if run.setup.runtime.is_main and file is not None:
            store.save(file, found[label])
        if scored and label == scored[-1]:
            study.release_scores()
        bar.update()
    return found


def estimate_once(estimator: Estimator, study: Study) -> Relatedness:
    """What an estimator says of a study: values, floor and ceiling, also layer by layer, and the cost."""
    tasks = len(study.setup.tasks)

    def estimate() -> tuple[np.ndarray, tuple[tuple[str, ...], np.ndarray] | None]:
        return estimator.estimate(study), estimator.by_layer(study)

    (matrix, detail), cost = study.products.measured(estimate)
    layers, by_layer = ((), None) if detail is None else detail
    values, floor, ceiling = split_controls(matrix, tasks)
    parts = (None, None, None) if by_layer is None else split_controls(by_layer, tasks)
    return Relatedness(
        values=values,
        floor=floor,
        ceiling=ceiling,
        layers=tuple(layers),
        layer_values=parts[0],
        layer_floor=parts[1],
        layer_ceiling=parts[2],
        cost=cost,
        peak_memory_mb=peak_memory_mb(),
    )


def _problem(estimator: Estimator, study: Study) -> str | None:
    found = estimator.problem(study)
    return found if found is not None or not estimator.held_out else study.held_out_problem()


def _file(run: RelatednessRun, label: str, replicate: int) -> Path | None:
    """Where an estimate is kept; None where nobody could tell later whether it is still true."""
    identity = store.replicate_identity(run.setup, run.plan, replicate, run.estimators[label])
    return store.kept_file(run.folder, label, replicate, identity) if identity.complete else None


def _keys(files: Mapping[tuple[str, int], Path | None]) -> dict[str, str | None]:
    keys = {place: None if file is None else file.stem.rpartition("_")[2] for place, file in files.items()}
    return {f"{label}, replicate {replicate}": key for (label, replicate), key in keys.items()}


def result_of(estimator: Estimator, estimates: list[Relatedness], remarks: list[str]) -> EstimatorResult:
    """What an estimator says in some replicates, as ``relatedness.json`` holds it."""

    def stacked(name: str) -> np.ndarray | None:
        parts = [getattr(one, name) for one in estimates]
        return None if parts[0] is None else np.stack(parts)

    def listed(name: str) -> Any:
        values = stacked(name)
        return None if values is None else values.tolist()

    floor, ceiling = stacked("floor"), stacked("ceiling")
    detail = None
    if estimates[0].layers:
        layers = list(estimates[0].layers)
        detail = LayerDetail(
            layers=layers, values=listed("layer_values"), floor=listed("layer_floor"), ceiling=listed("layer_ceiling")
        )
    return EstimatorResult(
        directed=estimator.directed,
        needs=estimator.need,
        baseline=estimator.baseline,
        options=estimator.model_dump(mode="json"),
        values=listed("values"),
        floor=listed("floor"),
        ceiling=listed("ceiling"),
        sensitivity=None if floor is None or ceiling is None else sensitivity(floor, ceiling),
        cost=EstimatorCost(
            seconds=sum(one.cost.seconds for one in estimates),
            forward_passes=sum(one.cost.forward_passes for one in estimates),
            backward_passes=sum(one.cost.backward_passes for one in estimates),
            peak_memory_mb=max(one.peak_memory_mb for one in estimates),
        ),
        by_layer=detail,
        remarks=remarks,
    )

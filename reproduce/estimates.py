"""The estimates of relatedness that a table of evidence judges: calls of ``task_relatedness.py``."""

from collections.abc import Mapping
from dataclasses import replace

from relatedness.base import Estimator
from relatedness.materials.short_training import WARMUP_SHARE
from relatedness.registry import UNTRAINED, build_estimators
from relatedness.running import estimates_identity, make_run
from relatedness.study import Plan
from reports.relatedness.file import RelatednessFile
from reproduce.plan import Wanted
from reproduce.planned import PlannedStudy
from runtime.setup import Setup

EVERY = ("every",)
TRAINED = ("alone", "pairs")
"""What estimators need that train networks of their own: they are dear, and may have fewer replicates."""
ROLES = 3
"""A task and its two stand-ins, for floor and ceiling."""


def planned_estimates(wanted: Wanted, base: Setup) -> list[PlannedStudy]:
    """Every estimator that is wanted, in all replicates; those that train networks of their own in a call of their own.

    Those that cannot work on this data are left out, unless all were named.

    Raises:
        UserError: an unknown estimator, or one that was named and cannot work on this data.
    """
    estimators = build_estimators(wanted.estimators or EVERY, base.config)
    named = bool(wanted.estimators) and not set(EVERY) & set(wanted.estimators)
    trained = {label: estimator for label, estimator in estimators.items() if estimator.need in TRAINED}
    others = {label: estimator for label, estimator in estimators.items() if label not in trained}
    parts = [("estimates", others, wanted.replicates), ("estimates_trained", trained, wanted.trained_replicates)]
    plan = Plan(base.config.scoring.relatedness_batches, controls=True, warmup=warmup_of(wanted, base))
    return [_planned(base, plan, *part, named) for part in parts if part[1]]


def warmup_of(wanted: Wanted, setup: Setup) -> int:
    """Iterations of the short trainings of estimators: a share of those of the training runs."""
    return max(1, round(WARMUP_SHARE * (wanted.max_iters or setup.config.train.max_iters)))


def _planned(
    base: Setup, plan: Plan, name: str, estimators: Mapping[str, Estimator], replicates: int, named: bool
) -> PlannedStudy:
    """One call.

    Args:
        name: of its folder and its step.
        named: whether the estimators were asked for by name.
    """
    dest = base.dest / name
    setup = replace(base, dest=dest, flags=replace(base.flags, dest=dest))
    run = make_run(setup, plan, replicates, estimators, named, dest / "relatedness")
    words = ["--estimators", ",".join(run.estimators), "--replicates", f"{replicates}"]
    return PlannedStudy(
        setup,
        name=name,
        path=dest / "relatedness.json",
        kind=RelatednessFile,
        batches=replicates * scoring_batches(plan, list(run.estimators.values()), len(setup.tasks)),
        words=("task_relatedness.py", *words, "--num_batches", f"{plan.num_batches}", "--warmup", f"{plan.warmup}"),
        identify=lambda: estimates_identity(run),
    )


def scoring_batches(plan: Plan, estimators: list[Estimator], tasks: int) -> int:
    """About as many batches of per-task gradients as one replicate takes, for an estimate of the time."""
    needs = {estimator.need for estimator in estimators}
    pairs = tasks * (tasks - 1) // 2
    trainings = {"warm": 1, "alone": ROLES * tasks, "pairs": tasks + pairs + (ROLES - 1) * tasks * (tasks - 1) // 2}
    looking = sum(ROLES * plan.num_batches for estimator in estimators if estimator.need not in UNTRAINED[:1])
    return looking + plan.warmup * sum(count for need, count in trainings.items() if need in needs)

"""The estimates of relatedness that a table of evidence judges: one call of ``task_relatedness.py``."""

from dataclasses import replace

from relatedness.base import Estimator
from relatedness.registry import UNTRAINED, build_estimators
from relatedness.running import estimates_identity, make_run
from relatedness.short_training import default_warmup
from relatedness.study import Plan
from reports.relatedness.file import RelatednessFile
from reproduce.plan import Wanted
from reproduce.planned import PlannedStudy
from runtime.setup import Setup

FOLDER = "estimates"
EVERY = ("every",)
ROLES = 3
"""A task and its two stand-ins, for floor and ceiling."""


def planned_estimates(wanted: Wanted, base: Setup) -> PlannedStudy:
    """Every estimator that is wanted, in all replicates.

    Those that cannot work on this data are left out, unless they were named.

    Raises:
        UserError: an unknown estimator, or one that was named and cannot work on this data.
    """
    dest = base.dest / FOLDER
    setup = replace(base, dest=dest, flags=replace(base.flags, dest=dest))
    labels = wanted.estimators or EVERY
    plan = Plan(setup.config.scoring.relatedness_batches, controls=True, warmup=default_warmup(setup))
    named = bool(wanted.estimators) and "every" not in labels
    run = make_run(setup, plan, wanted.replicates, build_estimators(labels, setup.config), named, dest / "relatedness")
    words = ["--estimators", ",".join(run.estimators), "--replicates", f"{wanted.replicates}"]
    return PlannedStudy(
        setup,
        name="relatedness",
        path=dest / "relatedness.json",
        kind=RelatednessFile,
        batches=wanted.replicates * scoring_batches(plan, list(run.estimators.values()), len(setup.tasks)),
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

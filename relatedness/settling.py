"""Replicates, and where those do not help batches, until the answer is settled: asked after each, told at a few looks.

A mean over replicates becomes more certain with each of them, whatever a replicate's batches. So replicates are what is
added, as long as some estimator tells a task's twin from noise. Where none does, the mean gradients or readouts of a
replicate are mostly the noise of its few batches, and more replicates of the kind would be no better: then the batches
of a replicate are doubled and the replicates begin anew, within the same number of batches in all.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from relatedness.grouping.choice import Choice
from relatedness.grouping.groups import make_budget, tasks_of
from relatedness.grouping.values import estimated
from relatedness.running import Found, RelatednessRun, result_of, run_all
from relatedness.study import Study
from reports.relatedness.file import EstimatorResult, Look, Settling, What
from reports.relatedness.settling import FIRST_LOOK, SAME_LOOKS, is_settled, look_at_order, planned_looks
from reports.relatedness.summary import leading
from runtime.passes import scoring_batch_size
from runtime.provenance import Stopwatch


@dataclass(frozen=True)
class Settled:
    """What a run that was to go on until something is settled found; see ``run_all`` for the parts.

    Attributes:
        run: with the batches of a replicate that it ended with.
    """

    run: RelatednessRun
    found: Found
    fresh: int
    identity: dict[str, Any]
    settling: Settling


def run_until_settled(run: RelatednessRun, watch: Stopwatch, force: bool, what: What) -> Settled:
    """Replicates, or batches, are added until this is settled or the budget is used up.

    Args:
        run: the budget is its replicates times its batches.
        force: make all anew even where kept estimates would do.
        what: has to settle.
    """
    left, most = run.replicates * run.plan.num_batches, run.replicates
    before: list[Look] = []
    while True:
        left -= FIRST_LOOK * run.plan.num_batches  # what is left if the first look sees nothing
        wider = _wider(run, left, what)
        enough = Enough(run, what, before, leave_if_blind=wider is not None)
        found, fresh, identity = run_all(run, watch, force, enough)
        settling = enough.settling(most)
        if wider is None or not run.setup.runtime.agree(enough.blind):
            return Settled(run, found, fresh, identity, settling)
        before, run = settling.looks, wider


def _wider(run: RelatednessRun, batches_left: int, what: What) -> RelatednessRun | None:
    """The run with twice the batches in a replicate; None where the batches or the pictures are too few for it, or the
    looks for a grouping to settle."""
    batches = 2 * run.plan.num_batches
    plan = replace(run.plan, num_batches=batches)
    study, replicates = Study(run.setup, plan, 0), batches_left // batches
    enough_pictures = 2 * batches * scoring_batch_size(run.setup) <= study.pictures  # with the held-out ones, once each
    enough_looks = what == "order" or len(planned_looks(replicates)) >= SAME_LOOKS
    enough = enough_pictures and enough_looks and replicates >= FIRST_LOOK
    return replace(run, plan=plan, replicates=replicates) if enough else None


class Enough:
    """Says when to stop. What has to settle is what the recommendation and ``group_tasks.py`` would go by.

    That is the first estimator that can tell a twin from noise, as far as is known at a look; if none can, the first.
    Where it changes from one look to the next, the looks begin anew.

    Args:
        run: its replicates are the most there may be.
        what: has to settle.
        before: looks at fewer batches, at which nothing could be told. They count among all looks that there may be.
        leave_if_blind: whether to stop at the first look if no estimator tells a twin from noise.

    Attributes:
        blind: whether that is why it stopped.
    """

    def __init__(self, run: RelatednessRun, what: What, before: list[Look], leave_if_blind: bool) -> None:
        self._run, self._what, self._before, self._leave_if_blind = run, what, before, leave_if_blind
        self._label = next(iter(run.estimators))
        self._planned = planned_looks(run.replicates)
        self._looks: list[Look] = []
        self.blind = False

    def __call__(self, found: Found) -> bool:
        """Whether these replicates are enough; to be asked once for each number of replicates, in order."""
        replicates = len(next(iter(found.values())))
        if replicates not in self._planned:
            return False
        results = {label: result_of(self._run.estimators[label], estimates, []) for label, estimates in found.items()}
        label = leading(results)
        if label != self._label:
            self._label, self._looks = label, []
        result = results[label]
        look = look_at_order(result, list(self._run.setup.tasks), len(self._before) + len(self._planned))
        look = look.model_copy(update={"num_batches": self._run.plan.num_batches})
        self._looks.append(self._with_grouping(look, result) if self._what == "grouping" else look)
        self.blind = self._leave_if_blind and replicates == self._planned[0] and not look.sees
        return self.blind or is_settled(self._what, self._looks)

    def settling(self, most: int) -> Settling:
        """How it ended, of a run that might have had so many replicates."""
        return Settling(
            what=self._what,
            estimator=self._label,
            settled=is_settled(self._what, self._looks),
            most=most,
            looks=[*self._before, *self._looks],
        )

    def _with_grouping(self, look: Look, result: EstimatorResult) -> Look:
        """What ``group_tasks.py`` would choose without flags, and how stable that is."""
        tasks = tuple(self._run.setup.tasks)
        data = estimated(result, tasks, self._label)
        budget = make_budget(None, (1.0, np.zeros(len(tasks))))
        choice = Choice(data, budget, cover=False, max_size=None, seed=self._run.setup.seed)
        groups = [[tasks[task] for task in tasks_of(trained)] for _, trained in choice.best]
        stability = choice.stability(lambda times: None)
        return look.model_copy(update={"groups": sorted(groups), "stability": stability})

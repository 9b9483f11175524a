"""Whether enough replicates are there: asked after each of them, answered at a few looks."""

import numpy as np

from relatedness.grouping.choice import Choice
from relatedness.grouping.groups import make_budget, tasks_of
from relatedness.grouping.values import estimated
from relatedness.running import Found, RelatednessRun, result_of
from reports.relatedness.file import EstimatorResult, Look, Settling, What
from reports.relatedness.settling import is_settled, look_at_order, planned_looks
from reports.relatedness.summary import leading


class Enough:
    """Says when to stop. What has to settle is what the recommendation and ``group_tasks.py`` would go by.

    That is the first estimator that can tell a twin from noise, as far as is known at a look; if none can, the first.
    Where it changes from one look to the next, the looks begin anew.

    Args:
        run: its replicates are the most there may be.
        what: has to settle.
    """

    def __init__(self, run: RelatednessRun, what: What) -> None:
        self._run, self._what = run, what
        self._label = next(iter(run.estimators))
        self._planned = planned_looks(run.replicates)
        self._looks: list[Look] = []

    def __call__(self, found: Found) -> bool:
        """Whether these replicates are enough; to be asked once for each number of replicates, in order."""
        if len(next(iter(found.values()))) not in self._planned:
            return False
        results = {label: result_of(self._run.estimators[label], estimates, []) for label, estimates in found.items()}
        label = leading(results)
        if label != self._label:
            self._label, self._looks = label, []
        result = results[label]
        look = look_at_order(result, list(self._run.setup.tasks), len(self._planned))
        self._looks.append(self._with_grouping(look, result) if self._what == "grouping" else look)
        return is_settled(self._what, self._looks)

    def settling(self) -> Settling:
        """How it ended."""
        return Settling(
            what=self._what,
            estimator=self._label,
            settled=is_settled(self._what, self._looks),
            most=self._run.replicates,
            looks=self._looks,
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

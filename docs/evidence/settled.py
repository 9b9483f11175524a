"""How many of a full budget's replicates --until_settled would have used, and whether its answer is the same.

    python docs/evidence/settled.py relatedness.json [estimator]

Replays the rule on the replicates of a file, in the order they are in and in many random ones.
"""

import sys
from itertools import combinations
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from relatedness.grouping.choice import Choice
from relatedness.grouping.groups import make_budget, tasks_of
from relatedness.grouping.values import estimated
from reports.relatedness.file import EstimatorResult, Look, array, read_relatedness
from reports.relatedness.settling import MARGIN, is_settled, look_at_order, planned_looks
from reports.relatedness.summary import on_scale, sensitivity

ORDERS = {"order": 200, "grouping": 20}
"""How many random ones: of a grouping, every look chooses groups some hundred times."""


def main() -> None:
    file = read_relatedness(Path(sys.argv[1]))
    label = sys.argv[2] if len(sys.argv) > 2 else next(iter(file.estimators))
    result, tasks = file.estimators[label], file.tasks
    rng = np.random.default_rng(0)
    print(f"{label} on {file.dataset}: {file.replicates} replicates, looks after {planned_looks(file.replicates)}")
    for what, others in ORDERS.items():
        orders = [np.arange(file.replicates), *(rng.permutation(file.replicates) for _ in range(others))]
        runs = [replay(what, result, tasks, order) for order in orders]
        describe(what, runs, result, tasks, file.replicates)


def replay(what: str, result: EstimatorResult, tasks: list[str], order: np.ndarray) -> tuple[list[Look], np.ndarray]:
    """The looks of a run that meets the replicates in this order, and the replicates that it used."""
    planned, looks = planned_looks(len(order)), []
    for count in planned:
        seen = chosen(result, order[:count])
        look = look_at_order(seen, tasks, len(planned))
        looks.append(with_grouping(look, seen, tasks) if what == "grouping" else look)
        if is_settled(what, looks):
            break
    return looks, order[:count]


def chosen(result: EstimatorResult, replicates: np.ndarray) -> EstimatorResult:
    """The same of these replicates."""
    parts = {name: [getattr(result, name)[r] for r in replicates] for name in ("values", "floor", "ceiling")}
    found = sensitivity(array(parts["floor"]), array(parts["ceiling"]))
    return result.model_copy(update={**parts, "sensitivity": found})


def with_grouping(look: Look, result: EstimatorResult, tasks: list[str]) -> Look:
    """As ``task_relatedness.py --until_settled grouping`` looks."""
    budget = make_budget(None, (1.0, np.zeros(len(tasks))))
    choice = Choice(estimated(result, tasks, "file"), budget, cover=False, max_size=None, seed=0)
    groups = sorted([tasks[task] for task in tasks_of(trained)] for _, trained in choice.best)
    return look.model_copy(update={"groups": groups, "stability": choice.stability(lambda times: None)})


def describe(what: str, runs: list, result: EstimatorResult, tasks: list[str], budget: int) -> None:
    """What the runs used of the budget, and how their answers agree with that of the whole of it."""
    settled = [(looks, used) for looks, used in runs if is_settled(what, looks)]
    looks, used = runs[0]
    mean = np.mean([len(used) for _, used in runs[1:]])
    ended = "settled" if is_settled(what, looks) else "not settled"
    print(f"\n{what}: as the replicates are, {ended} after {len(used)}")
    print(f"  in {len(runs) - 1} other orders: settled in {sum(is_settled(what, looks) for looks, _ in runs[1:])}, "
          f"after {mean:.1f} replicates in the mean, {100 * (1 - mean / budget):.0f} % saved")
    whole = with_grouping(look_at_order(result, tasks, 1), result, tasks)
    if what == "grouping":
        same = [looks[-1].groups == whole.groups for looks, _ in settled]
        print(f"  the whole budget's grouping: {whole.groups}, in {100 * (whole.stability or 0):.0f} % of resamples; "
              f"settled runs with the same: {sum(same)} of {len(same)}")
        return
    print(f"  the whole budget leaves {len(whole.open)} of {whole.apart + whole.alike + len(whole.open)} open")
    agree = [agreement(chosen(result, used), result, len(tasks)) for _, used in settled]
    if agree:
        print(f"  settled runs: of the pairs of partners that differ by {100 * MARGIN:.0f} % or more in the whole "
              f"budget, {100 * np.mean(agree):.1f} % stand in the same order")


def agreement(early: EstimatorResult, whole: EstimatorResult, tasks: int) -> float:
    """Share of the pairs of partners that are in the same order, of those that are not as good as each other."""
    scaled = [on_scale(array(result.values), array(result.floor), array(result.ceiling)) for result in (early, whole)]
    means = [np.ma.masked_invalid(values).mean(0).filled(np.nan) for values in scaled]
    same = []
    for helped in range(tasks):
        for b, c in combinations([b for b in range(tasks) if b != helped], 2):
            first, second = (mean[helped, b] - mean[helped, c] for mean in means)
            if abs(second) >= MARGIN:
                same.append(np.sign(first) == np.sign(second))
    return float(np.mean(same))


if __name__ == "__main__":
    main()

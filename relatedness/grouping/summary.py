"""What is found about the groups of a set of tasks, as ``groups.json`` holds it."""

from collections.abc import Callable

from scipy.special import bdtrc, stdtrit

from relatedness.grouping.choice import RANDOM, Choice
from relatedness.grouping.groups import tasks_of
from relatedness.grouping.source import Source
from relatedness.grouping.values import Measurements
from reports.groups.file import By, Evidence, GroupsFile, Support
from reports.intervals import LEVEL, interval


def summarise(choice: Choice, source: Source, by: By, after_each: Callable[[int], object]) -> GroupsFile:
    """The best grouping with everything by which to judge it.

    Args:
        by: the unit of the budget.
        after_each: is told how many resamplings of the replicates have been looked at.
    """
    everything = (1 << choice.tasks) - 1
    together = [(everything, everything)]
    alone = [(1 << task, 1 << task) for task in range(choice.tasks)]
    best = choice.grouping(choice.best)
    second = choice.grouping(choice.runner_up) if choice.runner_up is not None else None
    others = {"all_together": together, "all_alone": alone}
    return GroupsFile(
        identity={"values": source.digest, "seed": choice.seed},
        dataset=source.dataset,
        tasks=list(choice.data.tasks),
        source=source.name,
        source_file=str(source.path),
        replicates=choice.data.replicates,
        by=by,
        budget=choice.budget.limit,
        cover=choice.program.cover,
        max_size=choice.max_size,
        groups=best.groups,
        value=best.value,
        cost=best.cost,
        runner_up=second,
        gap=None if second is None else best.value - second.value,
        gap_interval=choice.gap_interval(),
        stability=choice.stability(after_each),
        resamples=choice.resamples,
        all_together=choice.value(together),
        all_alone=0.0,
        random_mean=choice.random_mean(),
        random_count=RANDOM,
        over_budget=[name for name, networks in others.items() if choice.budget.cost(networks) > choice.budget.limit],
        evidence=evidence(choice.data),
        blind=list(choice.data.blind),
    )


def evidence(data: Measurements) -> Evidence:
    """The measured values whose interval lies above 0: an estimator's floor, or training alone.

    They are more than chance gives if it gives so many in less than 5 % of cases (binomial distribution), or if one of
    them is still above 0 by the wider interval that all values together need (Bonferroni).
    """
    size = len(data.tasks)
    samples = {(a, 1 << a | 1 << b): data.pairs[:, a, b] for a in range(size) for b in range(size) if a != b}
    for place, group in enumerate(data.wholes.tolist()):
        samples |= {(task, group): data.larger[:, place, task] for task in tasks_of(group)}
    known = {key: found for key, found in ((key, interval(values)) for key, values in samples.items()) if found.known}
    supported, tail = [], (1 - LEVEL) / 2
    outstanding = False
    for (task, group), found in known.items():
        if found.low > 0:
            partners = [data.tasks[other] for other in tasks_of(group) if other != task]
            supported.append(
                Support(task=data.tasks[task], partners=partners, value=found.mean, low=found.low, high=found.high)
            )
            outstanding |= found.mean > float(stdtrit(found.count - 1, 1 - tail / len(known))) * found.stderr
    too_many = len(supported) > 0 and bdtrc(len(supported) - 1, len(known), tail) < 1 - LEVEL
    return Evidence(
        level=LEVEL, tested=len(known), beyond_chance=bool(outstanding or too_many), supported=supported
    )

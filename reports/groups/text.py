"""A grouping of tasks in words, for a terminal."""

from collections.abc import Sequence

from reports.groups.file import GAINS, GroupsFile, TrainedGroup

RANDOM = "random, mean"
MOST_SUPPORTED = 5
EQUAL = 1e-9
THOUSANDS = {1e12: " T", 1e9: " G", 1e6: " M"}
UNITS = {"networks": "networks", "parameters": "parameters", "multiply_adds": "multiply-adds"}


def groups_text(file: GroupsFile) -> str:
    """What the values are, what they are worth as evidence, the best grouping, and what else there was to choose."""
    kind = "cover: a task may be a helper elsewhere" if file.cover else "partition"
    lines = [f"{file.dataset}: which tasks train together, by {scale(file)}", verdict(file)]
    lines += support_lines(file)
    if 0 < len(file.blind) < len(file.tasks):
        blind = ", ".join(file.blind)
        lines.append(f"For {blind} it cannot tell a twin from noise, so that any partner counts as 0.")
    best = "Best" if file.evidence.beyond_chance else "Best by these numbers"
    heading = f"{best}, worth {number(file, file.value)}"
    if nothing_known(file):
        heading = "All groupings count the same. The cheapest"
    lines += ["", f"Budget: {amount(file.budget, file.by)} ({kind})", f"{heading}:"]
    lines += [f"  {line}" for group in file.groups for line in _group_lines(file, group)]
    if predicted(file):
        lines.append("* worth what its pairs are worth on average: never measured as a group of this size")
    if not nothing_known(file):
        lines += ["", *runner_up_lines(file), *stability_lines(file), "", *_table(file)]
    if file.branches:
        lines += ["", "Where they should part, by the steepest fall along the backbone:", *_branch_lines(file)]
    return "\n".join(lines)


def verdict(file: GroupsFile) -> str:
    """In one sentence, whether there is any evidence that sharing a network helps."""
    evidence = file.evidence
    over = f"{100 * evidence.level:.0f} % interval over {file.replicates} {'seeds' if measured(file) else 'replicates'}"
    zero = "training alone" if measured(file) else "the floor"
    if nothing_known(file):
        return f"No evidence for any grouping: on this data {file.source} cannot tell a task's exact twin from noise."
    if not evidence.tested:
        return "Evidence: not known. With one replicate or seed there are no intervals."
    if not evidence.supported:
        return f"No evidence for any grouping: none of {evidence.tested} values lies above {zero} by its whole {over}."
    count = f"{len(evidence.supported)} of {evidence.tested} values lie above {zero} by the whole {over}"
    by_chance = f"chance alone would give about {evidence.tested * (1 - evidence.level) / 2:.1f}"
    begin = "Evidence" if evidence.beyond_chance else "No evidence beyond chance for any grouping"
    return f"{begin}: {count}; {by_chance}."


def support_lines(file: GroupsFile) -> list[str]:
    """The clearest of the values that lie above 0."""
    clearest = sorted(file.evidence.supported, key=lambda support: support.low, reverse=True)
    lines = [
        f"  {support.task} with {', '.join(support.partners)}: {number(file, support.value)} "
        f"({number(file, support.low)} to {number(file, support.high)})"
        for support in clearest[:MOST_SUPPORTED]
    ]
    return lines + [f"  and {len(clearest) - MOST_SUPPORTED} more"] * (len(clearest) > MOST_SUPPORTED)


def stability_lines(file: GroupsFile) -> list[str]:
    """How often the best grouping is the best one of resampled replicates, where that is known."""
    if file.stability is None:
        return []
    return [f"The same grouping is the best in {100 * file.stability:.0f} % of {file.resamples} resamplings."]


def runner_up_lines(file: GroupsFile) -> list[str]:
    """The next best grouping and how far it lies below the best, each in a line."""
    if file.runner_up is None or file.gap is None:
        return ["There is no other grouping within the budget."]
    name = f"Runner-up: {' | '.join(group.label for group in file.runner_up.groups)}"
    if abs(file.gap) < EQUAL:
        return [name, "The two are worth the same; the best one is the cheaper, or as cheap."]
    gap = f"The best one's value lies {number(file, file.gap)} above the runner-up's"
    if file.gap_interval is None:
        return [name, f"{gap}; no interval is known."]
    low, high = file.gap_interval
    resolved = "resolved" if low > 0 else "not resolved"
    return [name, f"{gap} ({number(file, low)} to {number(file, high)}: {resolved})."]


def alternatives(file: GroupsFile) -> list[tuple[str, float | None, str]]:
    """The best grouping and what stands beside it: name, value (None: not known), remark."""
    over = dict[str, str].fromkeys(file.over_budget, "over the budget")
    rows: list[tuple[str, float | None, str]] = [("best", file.value, amount(file.cost, file.by))]
    if file.runner_up is not None:
        rows.append(("runner-up", file.runner_up.value, amount(file.runner_up.cost, file.by)))
    rows.append(("all together", file.all_together, over.get("all_together", "")))
    rows.append(("all alone", file.all_alone, over.get("all_alone", "")))
    rows.append((RANDOM, file.random_mean, f"{file.random_count:,} partitions within the budget"))
    return rows


def scale(file: GroupsFile) -> str:
    """What the values are."""
    if measured(file):
        return f"measured gains over training alone, {file.replicates} {'seed' if file.replicates == 1 else 'seeds'}"
    count = f"{file.replicates} {'replicate' if file.replicates == 1 else 'replicates'}"
    return f"{file.source}, {count} (0: floor, as good as alone; 1: ceiling, as close as a twin)"


def measured(file: GroupsFile) -> bool:
    """Whether the values come from training, not from an estimator."""
    return file.source == GAINS


def nothing_known(file: GroupsFile) -> bool:
    """Whether the estimator sees nothing of any task, so that all groupings count the same."""
    return len(file.blind) == len(file.tasks)


def predicted(file: GroupsFile) -> bool:
    """Whether some network of the best grouping was never measured as a whole."""
    return any(group.predicted for group in file.groups) and not nothing_known(file)


def number(file: GroupsFile, value: float | None) -> str:
    """A value as text: gains in percent, others on the scale from floor to ceiling."""
    if value is None:
        return "not known"
    text = f"{100 * value:+.1f}" if measured(file) else f"{value:+.2f}"
    return (text if float(text) else text[1:]) + (" %" if measured(file) else "")


def amount(cost: float, by: str) -> str:
    """A cost with its unit, to four digits."""
    power = next((power for power in THOUSANDS if cost >= power), 1.0)
    return f"{cost / power:.4g}{THOUSANDS.get(power, '')} {UNITS[by] if cost != 1 else UNITS[by].removesuffix('s')}"


def _group_lines(file: GroupsFile, group: TrainedGroup) -> list[str]:
    lines = [group.label + (" *" if group.predicted and not nothing_known(file) else "")]
    for task, value in group.values.items():
        ends = group.intervals.get(task)
        known = f"  ({number(file, ends[0])} to {number(file, ends[1])})" if ends else ""
        alone = "  alone" if len(group.tasks) == 1 else ""
        lines.append(f"    {task:<{_widest(file.tasks)}}  {number(file, value):>8}{known}{alone}")
    return lines


def _table(file: GroupsFile) -> list[str]:
    rows = alternatives(file)
    width = _widest([name for name, _, _ in rows])
    return [f"{name:<{width}}  {number(file, value):>9}  {remark}".rstrip() for name, value, remark in rows]


def _branch_lines(file: GroupsFile) -> list[str]:
    return [
        f"  {'+'.join(branch.tasks)}: {f'after {branch.after}' if branch.after else 'nowhere, it never falls'}"
        f"  ({branch.source})"
        for branch in file.branches
    ]


def _widest(names: Sequence[str]) -> int:
    return max(map(len, names))

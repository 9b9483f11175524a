"""What the evidence says, as Markdown and in a few lines for a terminal."""

from collections.abc import Sequence

import pandas as pd

from reports.evidence.file import LEAST_SHARE, MOST_COST, EvidenceSection, GroupingValues, Judgement, Score, Spread
from reports.intervals import LEVEL
from reports.tables import markdown
from reports.wording import counted

UNKNOWN = "n/a"
NOTHING = "Nothing can be judged yet: every task alone and every pair is needed, with one seed at least.\n"
LOOKED_AT = {"labels": "targets", "init": "init", "warm": "warm", "alone": "trained alone", "pairs": "trained in pairs"}
MOST_NAMED = 3


def evidence_text(section: EvidenceSection) -> str:
    """The section in Markdown, but for its heading."""
    texts = [_runs(section)]
    if section.judgement is None:
        return "\n".join([*texts, NOTHING])
    judgement = section.judgement
    texts += [limits_text(judgement), scores_table(judgement.scores, judgement)]
    texts += [
        f"{score.label}: {parts_text(score)}. They share work, so it costs less than the sum that stands there.\n"
        for score in judgement.scores
        if score.parts
    ]
    texts += [f"{label} is left out: {reason}.\n" for label, reason in section.left_out.items()]
    texts += [f"{explanation(judgement)}\n", gains_table(judgement, section.settings.tasks, section.metric)]
    return "\n".join([*texts, f"{verdict_text(section)}\n"])


def scores_table(scores: Sequence[Score], judgement: Judgement) -> str:
    """A row for each score, those that agree most first; in bold, what reaches the goal."""
    ordered = ranked(scores)
    cells = {
        "replicates": [f"{score.replicates}" if score.replicates else "" for score in ordered],
        "looks at": [looked_at(score) for score in ordered],
        "within tasks": [spread_text(score.within) for score in ordered],
        "chance": [UNKNOWN if score.chance is None else f"{score.chance:.2f}" for score in ordered],
        "median gains": [spread_text(score.within_medians) for score in ordered],
        "all pairs": [spread_text(score.pairs) for score in ordered],
        "regret %": ["-" if score.regret is None else spread_text(score.regret, 100) for score in ordered],
        "cost %": [cost_text(score) for score in ordered],
        "goal": ["reached" if judgement.reaches_goal(score) else "" for score in ordered],
    }
    index = pd.Index([score.label for score in ordered], name="score")
    frame = pd.DataFrame({("", name): column for name, column in cells.items()}, index=index)
    return markdown(frame)


def ranked(scores: Sequence[Score]) -> list[Score]:
    """Those that agree most with the gains within tasks first, what is not known last."""
    return sorted(scores, key=lambda score: -2.0 if score.within.value is None else score.within.value, reverse=True)


def limits_text(judgement: Judgement) -> str:
    """What the gains themselves allow: reliability, ceiling of symmetric scores, groupings."""
    found, seeds = judgement.reliability, len(judgement.seeds)
    lines = [
        f"The gains' own reliability within tasks, over {seeds} {'seed' if seeds == 1 else 'seeds'}: split halves of "
        f"the seeds agree by {number(found.half)}, which is {number(found.full)} for all of them (Spearman-Brown); "
        f"of median gains {number(judgement.reliability_medians.half)} and "
        f"{number(judgement.reliability_medians.full)}.",
        f"A score that is the same in both directions: the mean of both directions of the gains themselves reaches "
        f"{number(found.symmetric)}, the best that was found {number(found.symmetric_most)}.",
    ]
    if judgement.groupings is not None:
        lines.append(groupings_text(judgement.groupings))
    return "\n".join(f"- {line}" for line in lines) + "\n"


def groupings_text(values: GroupingValues) -> str:
    """What partitions are worth by the gains."""
    groups = " | ".join("+".join(group) for group in values.best_groups)
    return (
        f"Mean gain of partitions into {values.networks} networks at most: the best ({groups}) "
        f"{percent(values.best)}, all together {percent(values.all_together)}, a random one {percent(values.random)}; "
        f"all alone, with a network for every task, 0 %."
    )


def gains_table(judgement: Judgement, tasks: Sequence[str], metric: dict[str, str]) -> str:
    """Mean gains over the seeds with their intervals, and median ones in brackets, in percent."""
    rows = list(zip(judgement.gains, judgement.half_widths, judgement.medians, strict=True))
    cells = [[_gain(*parts) for parts in zip(*row, strict=True)] for row in rows]
    index = pd.Index([f"{task} ({metric.get(task, UNKNOWN)})" for task in tasks], name="gain %, helped task")
    frame = pd.DataFrame(cells, index=index, columns=pd.MultiIndex.from_tuples([("", f"with {t}") for t in tasks]))
    known = [(mean, half) for means, halves, _ in rows for mean, half in zip(means, halves, strict=True)
             if mean is not None and half is not None]  # fmt: skip
    sure = sum(abs(mean) > half for mean, half in known)
    note = f"mean over the seeds ± half of its {100 * LEVEL:.0f} % interval, in brackets the median"
    return markdown(frame, f"{note}; {sure} of {len(known)} gains are surely other than zero")


def explanation(judgement: Judgement) -> str:
    """How to read the table of scores."""
    return (
        f"within tasks: Spearman's correlation of a score with the mean gains over the partners of each helped task, "
        f"mean over the tasks; in brackets its {100 * LEVEL:.0f} % interval, from {judgement.draws} resamplings of the "
        f"gains' seeds and the estimator's replicates. They tell what other seeds would give for these tasks, not what "
        f"other tasks would; that is for the column chance: how often the same scores do as well when the tasks' names "
        f"are dealt out anew. regret: how much less the partition that a score leads to is worth than the best one, "
        f"both by the gains. cost: batches through a backbone, forwards and backwards, of all replicates, as a share "
        f"of those of the measured gains ({judgement.passes or 'not known'}). goal: at most {100 * MOST_COST:.0f} % of "
        f"the cost, an interval above zero, and {100 * LEAST_SHARE:.0f} % of the reliability."
    )


def verdict_text(section: EvidenceSection) -> str:
    """What it says, in a few lines."""
    judgement = section.judgement
    if judgement is None:
        return f"Evidence: {section.finished} of {section.planned} runs are finished. {NOTHING.strip()}"
    scores = [score for score in ranked(judgement.scores) if score.kind == "estimator"]
    if not scores:
        return "Evidence: gains, but no estimates yet."
    reached = [score for score in scores if judgement.reaches_goal(score)]
    opening = (
        f"Evidence on {section.settings.config['name']}: split halves of the gains agree by "
        f"{number(judgement.reliability.half)} within tasks ({number(judgement.reliability.full)} for all seeds)."
    )
    if not reached:
        return (
            f"{opening} No estimator reaches the goal; the one that agrees most with the gains is {scores[0].label}, "
            f"{spread_text(scores[0].within)}."
        )
    named = ", ".join(f"{score.label} {spread_text(score.within)}" for score in reached[:MOST_NAMED])
    more = f" and {len(reached) - MOST_NAMED} more" if len(reached) > MOST_NAMED else ""
    return (
        f"{opening} Of {len(scores)} estimators, the goal is reached by {named}{more}. The best of many is partly the "
        f"best by chance: trust what holds on other data too."
    )


def spread_text(spread: Spread, factor: float = 1.0) -> str:
    """Such as "0.52 (0.13 to 0.71)"."""
    if spread.value is None:
        return UNKNOWN
    value = f"{factor * spread.value:z.2f}"
    if spread.low is None or spread.high is None:
        return value
    return f"{value} ({factor * spread.low:z.2f} to {factor * spread.high:z.2f})"


def looked_at(score: Score) -> str:
    """What a score is made from."""
    if score.kind == "baseline":
        return "the gains"
    return "several" if score.parts else LOOKED_AT.get(score.needs, score.needs)


def parts_text(score: Score) -> str:
    """The estimators of a combination, those that count most first."""
    ordered = sorted(score.parts.items(), key=lambda part: -part[1])
    return " + ".join(f"{weight:.2f} {label}" for label, weight in ordered)


def cost_text(score: Score) -> str:
    """The cost in percent; what is made of the gains costs all of it."""
    if score.kind == "baseline":
        return "100"
    return UNKNOWN if score.cost is None else f"{100 * score.cost:.1f}"


def number(value: float | None) -> str:
    """A number, or that it is not known."""
    return UNKNOWN if value is None else f"{value:z.2f}"


def percent(value: float | None) -> str:
    """A share in percent, with its sign."""
    return UNKNOWN if value is None else f"{100 * value:+z.2f} %"


def _gain(mean: float | None, half: float | None, median: float | None) -> str:
    if mean is None or median is None:
        return ""
    spread = "" if half is None else f" ±{100 * half:.1f}"
    return f"{100 * mean:+z.1f}{spread} ({100 * median:+z.1f})"


def _runs(section: EvidenceSection) -> str:
    texts = []
    if section.gains_file is not None:
        texts.append(f"The gains were taken from {section.gains_file}; nothing was trained for them here.")
    elif section.finished < section.planned:
        missing = section.planned - section.finished
        texts.append(f"{missing} of {section.planned} training runs are not finished.")
    texts.append(f"Estimates: {counted(section.num_batches, 'batch')} a replicate, "
                 f"warm-ups of {counted(section.warmup, 'iteration')}.")
    if not section.estimated:
        texts.append("Some of the estimates are not finished.")
    return " ".join(texts) + "\n"

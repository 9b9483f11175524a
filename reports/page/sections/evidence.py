"""What every estimator is worth against the measured gains, from ``tables.json``."""

from math import nan

from reports.evidence.file import Judgement, Score, Spread
from reports.evidence.text import explanation, limits_text, ranked, spread_text, verdict_text
from reports.intervals import LEVEL
from reports.page.drawings.dots import Dot, Line, dot_plot
from reports.page.found import Found
from reports.page.sections.base import Block, Figure, Gallery, Points, Section, Table, Text

KINDS = {"estimator": 0, "baseline": 1}
"""Colour and mark of each."""


def evidence(found: Found) -> Section | None:
    """The section, where such a table is there."""
    file = found.evidence
    if file is None:
        return None
    blocks: list[Block] = [Text(verdict_text(file), matters=True)]
    if file.judgement is not None:
        judgement = file.judgement
        blocks.append(Points([line.removeprefix("- ") for line in limits_text(judgement).splitlines()]))
        blocks += [Gallery([_drawn(judgement)]), Text(explanation(judgement)), _table(judgement)]
    return Section("evidence", "What the estimates are worth against the gains", blocks)


def _drawn(judgement: Judgement) -> Figure:
    scores = ranked(judgement.scores)
    dots = [_dot(score) for score in scores]
    lines = [Line("0", 0.0)]
    if judgement.reliability.full is not None:
        lines.append(Line("the gains themselves", judgement.reliability.full))
    label = f"Agreement with the gains within tasks of {', '.join(f'{dot.name} {dot.text}' for dot in dots)}"
    return Figure(
        dot_plot(dots, lines, label), f"Agreement with the gains within tasks, with {100 * LEVEL:.0f} % intervals"
    )


def _dot(score: Score) -> Dot:
    within = score.within
    value, low, high = (nan if number is None else number for number in (within.value, within.low, within.high))
    return Dot(score.label, value, low, high, text=spread_text(Spread(value=within.value)), kind=KINDS[score.kind])


def _table(judgement: Judgement) -> Table:
    rows = [
        [
            score.label,
            score.kind,
            spread_text(score.within),
            spread_text(score.pairs),
            "-" if score.regret is None else spread_text(score.regret, 100),
            "n/a" if score.cost is None else f"{100 * score.cost:.1f} %",
            "reached" if judgement.reaches_goal(score) else "",
        ]
        for score in ranked(judgement.scores)
    ]
    columns = ["score", "kind", "within tasks", "all pairs", "regret %", "cost", "goal"]
    return Table("Every score beside the measured gains", columns, rows, words=1)

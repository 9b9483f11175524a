"""What every estimator of relatedness is worth against measured gains: a section of ``tables.json``."""

from typing import Literal

from reports.files import Part, Value
from reports.relatedness.file import Matrix
from reports.tables_file import Section

MOST_COST = 0.05
LEAST_SHARE = 0.5
"""The goal: no more than this share of the gains' cost, an interval above zero, this share of their reliability."""


class Spread(Part):
    """A number and the ends of its 95 % interval; None where they are not known."""

    value: Value
    low: Value = None
    high: Value = None

    @property
    def above_zero(self) -> bool:
        return self.low is not None and self.low > 0


class Score(Part):
    """What one way of scoring pairs of tasks is worth against the gains.

    Attributes:
        kind: "baseline": made of the measured gains themselves, so that it cannot be had without them.
        needs, directed, sensitivity: of the estimator, as in ``relatedness.json``.
        parts: of a combination: the estimators in it, and their weights.
        replicates: over which the scores are averaged.
        values: [helped task][partner], the mean over the replicates.
        within: Spearman's correlation with the mean gains within each helped task, mean over the tasks; None where the
            score does not tell partners apart.
        within_medians: the same with the median gains.
        pairs: Spearman's correlation over all directed pairs.
        chance: how often the same scores do as well within tasks when the tasks' names are dealt out anew.
        groups: the partition that it leads to; None where there is none.
        regret: how much less that is worth than the best partition, in relative gain.
        passes: batches through a backbone, forwards and backwards, of all replicates.
        cost: these as a share of the passes with which the gains were measured.
    """

    label: str
    kind: Literal["estimator", "baseline"]
    needs: str = ""
    directed: bool = True
    sensitivity: Value = None
    parts: dict[str, float] = {}
    replicates: int = 0
    values: Matrix
    within: Spread
    within_medians: Spread
    pairs: Spread
    chance: Value = None
    groups: list[list[str]] | None = None
    regret: Spread | None = None
    passes: int | None = None
    cost: Value = None


class Reliability(Part):
    """How well the gains agree with themselves, and what a score that is the same in both directions can reach.

    Attributes:
        half: agreement within tasks of one half of the seeds with the other.
        full: the same stepped up to all seeds.
        symmetric: agreement of the mean of both directions with the gains.
        symmetric_most: the most that a score which is the same in both directions is found to reach.
    """

    half: Value
    full: Value
    symmetric: Value
    symmetric_most: Value


class GroupingValues(Part):
    """The mean relative gain of partitions into ``networks`` at most; None where it is not known."""

    networks: int
    best: Value
    best_groups: list[list[str]]
    all_together: Value
    all_alone: Value
    random: Value


class Judgement(Part):
    """All scores beside what the gains say themselves.

    Attributes:
        seeds: of the gains.
        gains, medians: [helped task][partner], over the seeds.
        half_widths: of the 95 % intervals of the mean gains.
        reliability, reliability_medians: of the mean and of the median gains.
        passes: batches through a backbone, forwards and backwards, with which the gains were measured.
        draws: of the resampling that the intervals come from.
        scores: estimators in their order, then baselines.
    """

    seeds: list[int]
    gains: Matrix
    medians: Matrix
    half_widths: Matrix
    reliability: Reliability
    reliability_medians: Reliability
    groupings: GroupingValues | None
    passes: int | None
    draws: int
    scores: list[Score]

    def reaches_goal(self, score: Score) -> bool:
        """Whether an estimator is cheap, surely better than none, and half as good as the gains are reliable."""
        full, value = self.reliability.full, score.within.value
        if score.kind != "estimator" or None in (score.cost, full, value):
            return False
        assert score.cost is not None and full is not None and value is not None
        return score.cost <= MOST_COST and score.within.above_zero and value >= LEAST_SHARE * full


class EvidenceSection(Section):
    """The section.

    Attributes:
        metric, higher_is_better: of each task, by which gains are measured.
        gains_file: where the gains were taken from, with a hash of it; None: they were trained here.
        finished, planned: training runs.
        estimated: whether all estimates are there.
        num_batches, warmup: of the estimates.
        left_out: estimators that could not work on this data, and why.
        judgement: None until every task and every pair was trained with one seed at least.
    """

    metric: dict[str, str]
    higher_is_better: dict[str, bool]
    gains_file: str | None
    finished: int
    planned: int
    estimated: bool
    num_batches: int
    warmup: int
    left_out: dict[str, str]
    judgement: Judgement | None

"""When the order of partners is settled: looks, what each comparison comes to, and what is said of it."""

import numpy as np
import pytest
from scipy import stats

from reports.relatedness.file import EstimatorResult, Look, Settling
from reports.relatedness.settling import is_settled, look_at_order, planned_looks, settling_text
from reports.relatedness.summary import sensitivity

TASKS = ["a", "b", "c"]


def result(differences: np.ndarray, span: float = 1.0) -> EstimatorResult:
    """An estimator with floors near 0 and ceilings near ``span``; to ``a``, b is worth so much more than c.

    To b and c their partners differ by 0.5 in every replicate, up to a thousandth.
    """
    replicates = len(differences)
    small = 1e-3 * np.random.default_rng(0).standard_normal((4, replicates))
    values = np.full((replicates, 3, 3), np.nan)
    values[:, 0, 1], values[:, 0, 2] = 0.2 + differences, 0.2
    values[:, 1, 0] = values[:, 2, 0] = 0.7 + small[0]
    values[:, 1, 2] = values[:, 2, 1] = 0.2
    floor = np.zeros((replicates, 3, 3))
    ceiling = np.stack([span + small[1], span + small[2], span + small[3]], axis=1)
    return EstimatorResult(
        directed=True, needs="init", options={}, values=values.tolist(), floor=floor.tolist(),
        ceiling=ceiling.tolist(), sensitivity=sensitivity(floor, ceiling),
    )  # fmt: skip


def spread(mean: float, half_width: float, replicates: int, level: float) -> np.ndarray:
    """Numbers whose interval at this level is mean +- half_width."""
    shape = np.linspace(-1, 1, replicates)
    stderr = shape.std(ddof=1) / np.sqrt(replicates)
    return mean + shape * half_width / (stderr * stats.t.ppf((1 + level) / 2, replicates - 1))


def test_looks_are_few_and_the_last_one_is_at_the_end() -> None:
    assert planned_looks(20) == [4, 6, 9, 14, 20]
    assert planned_looks(4) == [4] and planned_looks(3) == [3] and planned_looks(5) == [4, 5]


@pytest.mark.parametrize(
    ("mean", "half_width", "kind"),
    [(0.3, 0.29, "apart"), (0.3, 0.31, "open"), (0.02, 0.07, "alike"), (0.04, 0.07, "open"), (-0.04, 0.07, "open")],
)
def test_a_comparison_is_decided_where_the_interval_of_the_look_says_so(
    mean: float, half_width: float, kind: str
) -> None:
    differences = spread(mean, half_width, 6, level=1 - 0.05 / 5)
    look = look_at_order(result(differences), TASKS, looks=5)
    assert (look.sees, look.replicates) == (True, 6)
    assert (look.apart, look.alike, len(look.open)) == (
        2 + (kind == "apart"), int(kind == "alike"), int(kind == "open")
    )  # fmt: skip
    assert look.open == ([("a", "b", "c")] if kind == "open" else [])
    assert is_settled("order", [look]) is (kind != "open")


def test_one_look_alone_may_have_the_usual_interval() -> None:
    differences = spread(0.3, 0.29, 6, level=0.95)
    assert look_at_order(result(differences), TASKS, looks=1).apart == 3
    assert look_at_order(result(differences), TASKS, looks=5).apart == 2


def test_a_comparison_is_wrongly_decided_in_few_of_many_runs() -> None:
    looks, wrong, rng = planned_looks(20), 0, np.random.default_rng(1)
    for _ in range(400):  # the two partners are worth the same
        differences = 0.4 * rng.standard_normal(20)
        wrong += any(look_at_order(result(differences[:n]), TASKS, len(looks)).apart == 3 for n in looks)
    assert wrong / 400 < 0.05


def test_what_cannot_tell_a_twin_from_noise_settles_nothing() -> None:
    look = look_at_order(result(spread(0.3, 0.1, 6, 0.95), span=-1.0), TASKS, looks=1)
    assert not look.sees and not is_settled("order", [look])
    settling = Settling(what="order", estimator="snip", settled=False, most=6, looks=[look])
    assert "Not settled within 6 replicates: the order, by snip. It cannot tell" in settling_text(settling)


def looks_at(*groupings: tuple[str, float]) -> list[Look]:
    return [
        Look(replicates=n, sees=True, groups=[list(groups)], stability=stability)
        for n, (groups, stability) in enumerate(groupings, start=4)
    ]


def test_a_grouping_is_settled_when_it_stays_and_wins_at_three_looks() -> None:
    assert not is_settled("grouping", looks_at(("ab", 1), ("ab", 1)))
    assert is_settled("grouping", looks_at(("ab", 1), ("ab", 0.95), ("ab", 1)))
    assert is_settled("grouping", looks_at(("bc", 1), ("ab", 1), ("ab", 1), ("ab", 1)))
    assert not is_settled("grouping", looks_at(("ab", 1), ("bc", 1), ("ab", 1)))
    assert not is_settled("grouping", looks_at(("ab", 1), ("ab", 0.94), ("ab", 1)))
    unknown = [look.model_copy(update={"stability": None}) for look in looks_at(("ab", 1), ("ab", 1), ("ab", 1))]
    assert not is_settled("grouping", unknown)


def test_it_says_how_it_ended() -> None:
    look = Look(replicates=9, sees=True, apart=20, alike=6, open=[("seg", "sn", "depth")])
    text = settling_text(Settling(what="order", estimator="labels", settled=False, most=9, looks=[look, look]))
    for words in ("Not settled within 9 replicates", "Of 27 comparisons", "20 are sure", "in 6 the two", "1 are open",
                  "all 2 looks", "Open: seg: sn or depth"):  # fmt: skip
        assert words in text, text
    text = settling_text(
        Settling(what="grouping", estimator="tag", settled=True, most=20, looks=looks_at(("ab", 0.97)))
    )
    assert "Settled after 4 replicates of at most 20: the grouping, by tag. After the last look the best is a+b" in text
    assert "in 97 % of the resamples" in text

"""What things cost, with a clock that is set by hand."""

import pytest

from relatedness.materials import products
from relatedness.materials.products import Products


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(products.time, "perf_counter", lambda: now[0])
    return now


def test_what_is_shared_is_made_once_and_counts_for_each(clock: list[float]) -> None:
    made = Products()

    def work(seconds: float, *keys: str):
        def run() -> float:
            for key in keys:
                made.get(key, parts[key])
            clock[0] += seconds
            return seconds

        return run

    def network() -> float:
        made.count_passes(1, 2)
        return work(10)()

    parts = {"network": network, "gradients": work(100, "network")}
    _, first = made.measured(work(1, "gradients", "network"))
    _, second = made.measured(work(2, "gradients"))
    _, third = made.measured(work(4, "network"))
    assert clock[0] == 117
    assert [cost.seconds for cost in (first, second, third)] == [111, 112, 14]
    assert [(cost.forward_passes, cost.backward_passes) for cost in (first, second, third)] == [(1, 2)] * 3


def test_an_error_leaves_nothing_behind(clock: list[float]) -> None:
    made = Products()
    with pytest.raises(ZeroDivisionError):
        made.get("x", lambda: 1 // 0)
    assert made.get("x", lambda: 7) == 7
    assert made.measured(lambda: made.get("x", lambda: 8))[0] == 7

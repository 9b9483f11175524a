"""How far predictions differ, turns of timing, and which forms are written where something is not installed."""

import math
import sys

import pytest
import torch

from training.exporting.formats import FORMATS, chosen_formats
from training.exporting.source import difference
from training.exporting.timing import side_by_side


def test_the_largest_difference_of_any_task_counts() -> None:
    a, b = torch.tensor([0.1, 0.2]), torch.tensor([[50.0, -200.0]])
    assert difference({"a": a, "b": b}, {"a": a, "b": b}) == 0
    assert difference({"a": a, "b": b}, {"a": a + 0.25, "b": b}) == pytest.approx(0.25)  # small values: as they are
    assert difference({"a": a, "b": b}, {"a": a, "b": b + 20}) == pytest.approx(0.1)  # large ones: relative
    assert difference({"a": a}, {"a": torch.tensor([0.1, math.nan])}) == math.inf
    assert difference({"a": a}, {"a": a[:1]}) == math.inf


def test_pieces_of_work_take_turns_after_one_to_warm_up() -> None:
    seen: list[str] = []
    works = {name: (lambda name=name: seen.append(name)) for name in "ab"}
    times = side_by_side(works, 2, torch.device("cpu"))
    assert seen == list("ababab") and set(times) == {"a", "b"} and min(times.values()) > 0


def test_what_is_not_installed_is_left_out_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    chosen, left_out = chosen_formats(None)
    assert "onnx" not in [form.name for form in chosen] and any("onnxruntime" in text for text in left_out)
    assert [form.name for form in chosen_formats(["compact", "compact"])[0]] == ["compact"]
    assert list(FORMATS) == ["compact", "small", "program", "onnx"]

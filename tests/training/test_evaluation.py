"""Evaluation of a network, and the choice of the best one."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_training import assert_same, setup_for
from torch import nn

from configs import UserError
from dataloaders import evaluation_loader
from tasks import TASKS, Batch, Metrics, Task
from training.constant import evaluate_constant, without_constant
from training.evaluation import Best, by_class, evaluate, results_text
from training.samples import SampleLosses, draw_evaluated


def tasks(*names: str) -> dict:
    kinds = {"seg": ("segmentation", 17), "depth": ("depth", 1), "edge": ("map", 1)}
    return {name: TASKS[kinds[name][0]](name=name, channels=kinds[name][1]) for name in names}


def results(**main: float) -> dict:
    """Results in which only the main metric, the first one, matters."""
    firsts = {name: next(iter(task.higher_is_better)) for name, task in tasks(*main).items()}
    return {task: {firsts[task]: value, "other": 0.0} for task, value in main.items()}


class Constant(nn.Module):
    """Predicts the same everywhere, at a quarter of the image's size; notes whether it was in evaluation mode."""

    def __init__(self, values: dict[str, torch.Tensor]) -> None:
        super().__init__()
        self.values, self.modes = values, []

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        self.modes.append(self.training)
        shape = (len(image), -1, image.shape[-2] // 4, image.shape[-1] // 4)
        return {task: value[None, :, None, None].expand(*shape) for task, value in self.values.items()}


def test_a_constant_prediction_has_the_metrics_worked_out_by_hand(rooms: Path, tmp_path: Path) -> None:
    setup = setup_for(rooms, tmp_path, "--tasks", "keypoint,seg")
    seg = torch.zeros(17)
    seg[3] = 1
    net = Constant({"keypoint": torch.tensor([0.25]), "seg": seg}).train()
    images = []
    found = evaluate(net, setup, after_batch=images.append)
    samples = list(evaluation_loader(setup.config, ["keypoint", "seg"], batch_size=1, num_workers=0))
    error = sum((sample["keypoint"] - 0.25).abs().mean().item() for sample in samples) / len(samples)
    assert found["keypoint"]["err"] == pytest.approx(error)
    accuracy = sum((sample["seg"] == 3).float().mean().item() for sample in samples) / len(samples)
    assert found["seg"]["Pixel Acc"] == pytest.approx(accuracy)
    assert sum(images) == len(samples) == 3
    assert net.training and net.modes == [False, False]


def test_the_size_of_batches_changes_nothing_that_is_counted_by_pixel(rooms: Path, tmp_path: Path) -> None:
    one, three = (
        setup_for(rooms, tmp_path, "--tasks", "seg,sn", "--set", f"train.eval_batch_size={size}") for size in (1, 3)
    )
    net = one.network()
    first, second = evaluate(net, one), evaluate(net, three)
    assert first["seg"]["mIoU"] == pytest.approx(second["seg"]["mIoU"], abs=1e-3)
    assert first["sn"]["Angle Mean"] == pytest.approx(second["sn"]["Angle Mean"], abs=1e-2)


def test_another_split_can_be_evaluated(rooms: Path, tmp_path: Path) -> None:
    images: list[int] = []
    setup = setup_for(rooms, tmp_path, "--tasks", "edge")
    evaluate(setup.network(), setup, split="train", after_batch=images.append)
    assert sum(images) == 8


def test_one_line_of_results() -> None:
    found = {"seg": {"mIoU": 0.12345, "err": 1.0}, "depth": {"abs_err": 2.0}}
    assert results_text(found) == "seg mIoU 0.1235, depth abs_err 2"


def test_the_first_validation_is_the_best_so_far() -> None:
    best = Best(tasks("seg", "depth"))
    assert best.iteration is None
    assert best.update(results(seg=float("nan"), depth=float("nan")), 10)
    assert best.iteration == 10


def test_gains_of_tasks_count_alike_whatever_their_units() -> None:
    best = Best(tasks("seg", "depth"))
    assert best.update(results(seg=0.2, depth=4000.0), 1)
    # seg (0.3 - 0.2) / 0.5 = 0.2, depth -(6000 - 4000) / 10000 = -0.2: no better than the first
    assert not best.update(results(seg=0.3, depth=6000.0), 2)
    assert best.update(results(seg=0.3, depth=5900.0), 3)
    assert not best.update(results(seg=0.3, depth=5900.0), 4), "an equal one is not better"
    assert best.iteration == 3


def test_a_metric_that_was_zero_or_undefined_at_first_is_compared_later() -> None:
    best = Best(tasks("seg", "edge"))
    assert best.update(results(seg=0.0, edge=float("nan")), 1)
    assert best.update(results(seg=0.1, edge=0.5), 2)
    assert best.update(results(seg=0.2, edge=0.5), 3)
    assert not best.update(results(seg=0.2, edge=float("inf")), 4)


def test_a_network_with_final_masks_comes_before_any_other() -> None:
    best = Best(tasks("edge"))
    assert best.update(results(edge=0.1), 1, final_masks=False)
    assert best.update(results(edge=0.9), 2, final_masks=True)
    assert not best.update(results(edge=0.1), 3, final_masks=False)
    assert best.update(results(edge=0.8), 4, final_masks=True)


def test_the_best_goes_on_where_it_was() -> None:
    one, other = Best(tasks("seg")), Best(tasks("seg"))
    assert_same(one.state_dict(), other.state_dict())
    one.update(results(seg=0.4), 5)
    other.resume(**one.state_dict())
    for best in (one, other):
        assert not best.update(results(seg=0.3), 6)
        assert best.update(results(seg=0.5), 7)
    assert_same(one.state_dict(), other.state_dict())
    assert math.isfinite(one.state_dict()["rank"][1])


class BareMetrics(Metrics):
    """As a user writes it: undefined, and an error, before the first batch."""

    def __init__(self) -> None:
        super().__init__({"total": torch.zeros(2, dtype=torch.float64)})

    def update(self, prediction: torch.Tensor, batch: Batch) -> None:
        self.state["total"] += torch.tensor([float(prediction.abs().sum()), float(len(prediction))])

    def compute(self) -> dict[str, float]:
        total, count = self.state["total"].tolist()
        return {"size": total / count}


class Bare(Task):
    """No more than a task must have."""

    higher_is_better = {"size": False}

    @property
    def targets(self) -> tuple[str, ...]:
        return ("edge",)

    def loss(self, prediction: torch.Tensor, batch: Batch) -> torch.Tensor:
        return prediction.mean()

    def new_metrics(self) -> BareMetrics:
        return BareMetrics()


def test_what_a_users_task_lacks_ends_no_evaluation(rooms: Path, tmp_path: Path) -> None:
    setup = setup_for(rooms, tmp_path, "--tasks", "keypoint,edge")
    setup = replace(setup, tasks={**setup.tasks, "edge": Bare(name="edge", channels=1)})
    assert set(evaluate_constant(setup)) == {"keypoint"}
    [remark] = without_constant(setup)
    assert "Bare has no constant_prediction" in remark
    gathered: dict[str, Metrics] = {}
    losses = SampleLosses(setup)
    found = evaluate(setup.network(), setup, watch=losses.add, at_end=gathered.update)
    assert found["edge"]["size"] > 0 and by_class(gathered, setup.tasks) == {}
    assert draw_evaluated(setup, setup.network(), losses, tmp_path / "x.png") == ["edge"]
    alone = replace(setup, tasks={"edge": setup.tasks["edge"]})
    assert evaluate_constant(alone) == {}
    assert (tmp_path / "x.png").exists()
    losses = SampleLosses(alone)
    evaluate(alone.network(), alone, watch=losses.add)
    assert draw_evaluated(alone, alone.network(), losses, tmp_path / "x.png") == ["edge"]
    assert not (tmp_path / "x.png").exists(), "a picture of the earlier evaluation beside the numbers of this one"
    (tmp_path / "x.png").mkdir()
    with pytest.raises(UserError, match=r"x\.png: of an earlier evaluation, and cannot be removed: .*yourself"):
        draw_evaluated(alone, alone.network(), losses, tmp_path / "x.png")


def test_classes_without_as_many_names_are_numbers() -> None:
    class OfClasses(BareMetrics):
        def by_class(self) -> dict[str, list[float]]:
            return {"F1": [0.5, 0.25]}

    kind = TASKS["segmentation"]
    named, other = (kind(name="a", channels=len(names), class_names=tuple(names)) for names in ("xy", "xyz"))
    assert by_class({"a": OfClasses()}, {"a": named}) == {"a": {"F1": {"x": 0.5, "y": 0.25}}}
    assert by_class({"a": OfClasses()}, {"a": other}) == {"a": {"F1": {"0": 0.5, "1": 0.25}}}

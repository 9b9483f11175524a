"""What CUDA would be asked to do, without a GPU: on tensors that say they are on one and hold nothing; on meta ones.

Fake CUDA tensors raise where a tensor of the CPU meets one of the GPU, and where a value would be fetched, for which a
step would have to wait. Torch runs backwards on meta tensors only, which raise at the first as well.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily

from configs import Config, load_config
from models import MultitaskNet, build_network
from prune_utils.apply import apply_masks
from prune_utils.layers import weights
from prune_utils.masks import masks_above, merge
from prune_utils.scores import snip_scores
from runtime.device import Runtime
from tasks import Task, build_tasks
from training.balancing import Balanced, backward_of_sum
from training.checkpoints.state import load_optimizer
from training.ledger import Ledger
from training.optim import make_optimizer
from training.parallel import average_statistics
from training.step import descend, task_losses

SIDE = 40
SMALL = [f"data.crop={SIDE}", "model.width=4", "model.head_channels=4", "data.batch_size=2"]
DATASETS = ("nyuv2", "cityscapes", "taskonomy")
Make = Callable[[Any], Any]


def settings(dataset: str, *more: str) -> Config:
    weights_file = ["tasks.seg.class_weights=null"] if dataset == "taskonomy" else []
    return load_config(dataset, [*SMALL, *weights_file, *more])


def network(config: Config, tasks: dict[str, Task], runtime: Runtime) -> MultitaskNet:
    """A network on the runtime's device, in its order of memory, every tensor without contents."""
    with unset_fake_temporarily():
        net = build_network(config.model, {name: task.channels for name, task in tasks.items()}, config.source.parent)
        runtime.arrange(net).train()
    for module in net.modules():
        for kind, make in ((module._parameters, nn.Parameter), (module._buffers, lambda tensor: tensor)):
            for name, old in kind.items():
                if old is not None:
                    like = torch.empty_strided(old.shape, old.stride(), dtype=old.dtype, device=runtime.device)
                    kind[name] = make(like)  # type: ignore[operator]
    return net


def batch_of(tasks: dict[str, Task], device: str) -> dict[str, Any]:
    """As a loader gives it: float images and targets, labels as whole numbers."""
    batch: dict[str, Any] = {"img": torch.empty(2, 3, SIDE, SIDE, device=device), "name": ["a", "b"]}
    for key in {key for task in tasks.values() for key in task.targets}:
        kind = torch.int32 if key == "seg" else torch.float32
        batch[key] = torch.empty(2, 3 if key == "normal" else 1, SIDE, SIDE, dtype=kind, device=device)
    return batch


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[torch.device]:
    """A GPU whose tensors hold nothing."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_: True)
    with FakeTensorMode():
        yield torch.device("cuda", 0)


@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
@pytest.mark.parametrize("dataset", DATASETS)
def test_losses_and_metrics_stay_on_the_gpu_and_wait_for_nothing(
    cuda: torch.device, dataset: str, precision: str
) -> None:
    config, runtime = settings(dataset), Runtime(cuda, precision)
    tasks = build_tasks(config, None)
    net, batch = network(config, tasks, runtime), runtime.place(batch_of(tasks, "cpu"))
    seen: list[torch.dtype] = []
    net.backbone.register_forward_hook(lambda *arguments: seen.append(arguments[2].dtype))
    losses = task_losses(net, batch, tasks, runtime)
    assert seen == [torch.bfloat16 if precision == "bf16" else torch.float32]
    assert {(loss.device, loss.dtype) for loss in losses.values()} == {(cuda, torch.float32)}
    ledger = Ledger(list(tasks), runtime)
    ledger.add(1, 0.1, list(losses.values()))
    assert not ledger.due, "the losses of a step are not looked at before the next"
    with torch.no_grad():
        for name, task in tasks.items():
            metrics = task.new_metrics()
            metrics.to(cuda)
            with runtime.autocast():
                prediction = net(batch["img"])[name]
            metrics.update(prediction.float(), batch)
            assert {value.device for value in metrics.state.values()} == {cuda}


def test_a_mistake_in_devices_would_be_seen(cuda: torch.device) -> None:
    with pytest.raises(RuntimeError, match="two devices"):
        torch.ones(2, device=cuda) + torch.ones(2)
    with pytest.raises(RuntimeError, match="item"):
        torch.ones(2, device=cuda).sum().item()


def test_masks_of_scores_on_the_gpu_stay_there(cuda: torch.device) -> None:
    config, runtime = settings("nyuv2"), Runtime(cuda, "fp32")
    net = network(config, build_tasks(config, None), runtime)
    gradients = {name: torch.empty_like(weight) for name, weight in weights(net).items()}
    scores = snip_scores(net, {"seg": dict(gradients), "sn": dict(gradients)})
    masks = merge(masks_above(of_task, 0.5) for of_task in scores.values())
    assert {mask.device for mask in masks.values()} == {cuda}
    apply_masks(net, masks)
    assert {tensor.device for tensor in net.state_dict().values()} == {cuda}
    average_statistics(net, runtime)


def test_weights_are_in_the_order_that_tensor_cores_want(cuda: torch.device) -> None:
    config = settings("nyuv2")
    net = network(config, build_tasks(config, None), Runtime(cuda, "fp32"))
    wide = next(weight for weight in weights(net).values() if weight.shape[2:].numel() > 1 and weight.shape[1] > 1)
    assert wide.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("dataset", DATASETS)
def test_a_whole_step_needs_no_tensor_of_the_cpu(dataset: str, balanced: bool, optimizer: str) -> None:
    config, runtime = settings(dataset, f"train.optimizer={optimizer}"), Runtime(torch.device("meta"), "fp32")
    tasks = build_tasks(config, None)
    net, batch = network(config, tasks, runtime), batch_of(tasks, "meta")
    steps, schedule = make_optimizer(net, config.train, config.train)
    for group in steps.param_groups:
        group["fused"] = False  # no fused kernel runs on meta tensors
    backward = Balanced("mean", net, lambda rows: rows.mean(0)) if balanced else backward_of_sum
    for _ in range(2):
        descend(task_losses(net, batch, tasks, runtime), tasks, steps, schedule, 1.0, backward)
    devices = {value.device.type for state in steps.state.values() for name, value in state.items() if name != "step"}
    assert devices == {"meta"}
    load_optimizer(steps, steps.state_dict())


def test_batches_go_to_the_gpu_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    usual = Tensor.to

    def noted(tensor: Tensor, *place: Any, **options: Any) -> Tensor:
        asked.append(options)
        return usual(tensor, *place, **options)

    monkeypatch.setattr(Tensor, "to", noted)
    Runtime(torch.device("meta"), "fp32").place({"img": torch.ones(1), "name": ["a"]})
    assert asked == [{"non_blocking": True}]

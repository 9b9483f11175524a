"""What is refused in a checkpoint: everything that is not plain, and every state that does not fit the run."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from small_training import job_for, last, setup_for, train, trainer_for

from configs import UserError
from models import files
from models.files import Unsound, check_plain
from training.checkpoints import keeping
from training.checkpoints.checking import as_mask, check_network, check_optimizer
from training.checkpoints.checkpoint import Checkpoint, write_checkpoint
from training.checkpoints.state import load_optimizer


def itself() -> list:
    value: list = [1]
    value.append(value)
    return value


def laughs() -> list:
    value: list = ["ha"]
    for _ in range(9):
        value = [value] * 10
    return value


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "itself": (itself, "nested more than 16"),
    "billions": (laughs, "more than 2,000,000 values"),
    "a set": (lambda: {"a": {1, 2}}, "'a' is a set"),
    "bytes": (lambda: [b"x"], "a bytes"),
    "a key": (lambda: {"a": {(1, 2): 3}}, "'a' has a key of type tuple"),
    "sparse": (lambda: {"w": torch.eye(3).to_sparse()}, "'w' is torch.sparse_coo"),
    "meta": (lambda: {"w": torch.ones(3, device="meta")}, "'w' has no data"),
    "quantised": (lambda: {"w": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)}, "'w' is quantised"),
    "shared memory": (lambda: {"w": torch.zeros(1).expand(1 << 40)}, "values of the tensor 'w' share memory"),
    "complex": (lambda: {"w": torch.ones(2, dtype=torch.complex64)}, "complex64"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_plain_is_refused(kind: str) -> None:
    make, words = REFUSED[kind]
    with pytest.raises(Unsound, match=words):
        check_plain(make())


def test_plain_values_pass() -> None:
    check_plain({"a": [1, 2.5, None, True, ("x", {"b": torch.ones(2, dtype=torch.bool)})], 3: {}})


@pytest.mark.parametrize(
    ("weights", "masks", "words"),
    [
        ({"w": torch.tensor([1.0, float("nan")])}, {}, "'w' is not finite"),
        ({"bn.running_var": torch.tensor([1.0, -1.0])}, {}, "variance 'bn.running_var' is negative"),
        ({"w": torch.ones(2)}, {"v": torch.ones(2, dtype=torch.bool)}, "a mask for 'v'"),
        ({"w": torch.ones(2)}, {"w": torch.ones(3, dtype=torch.bool)}, r"\[3\], the weight \[2\]"),
    ],
)
def test_a_network_of_nonsense_is_refused(weights: dict, masks: dict, words: str) -> None:
    with pytest.raises(Unsound, match=words):
        check_network(weights, masks)


@pytest.mark.parametrize("value", [0.5, 2.0, -1.0, float("nan")])
def test_masks_that_scale_are_refused(value: float) -> None:
    assert as_mask(torch.tensor([0.0, 1.0]), "w").tolist() == [False, True]
    with pytest.raises(Unsound, match="other values than 0 and 1"):
        as_mask(torch.tensor([1.0, value]), "w")


def adam() -> torch.optim.Adam:
    """An optimiser of two parameters after one step."""
    parameters = [torch.nn.Parameter(torch.ones(2, 3)), torch.nn.Parameter(torch.ones(4))]
    optimizer = torch.optim.Adam(parameters, lr=0.1, fused=True)
    sum(parameter.sum() for parameter in parameters).backward()
    optimizer.step()
    return optimizer


def damaged(change: Callable[[dict], None]) -> dict:
    state = copy.deepcopy(adam().state_dict())
    change(state)
    return state


OTHER: dict[str, tuple[Callable[[dict], Any], str]] = {
    "a moment of another shape": (lambda s: s["state"][0].update(exp_avg=torch.ones(1)), r"state.0.exp_avg'.*\[2, 3\]"),
    "a moment of another type": (lambda s: s["state"][0].update(exp_avg=torch.ones(2, 3).long()), "exp_avg"),
    "a moment that is NaN": (lambda s: s["state"][1]["exp_avg_sq"].fill_(float("nan")), "exp_avg_sq' is not finite"),
    "a mean of squares below 0": (lambda s: s["state"][1]["exp_avg_sq"].fill_(-1), "exp_avg_sq' is negative"),
    "a step below 0": (lambda s: s["state"][1].update(step=torch.tensor(-1.0)), "step' is negative"),
    "no moment": (lambda s: s["state"][0].pop("exp_avg"), "does not hold step, exp_avg, exp_avg_sq"),
    "a step of many numbers": (lambda s: s["state"][0].update(step=torch.ones(7)), "state.0.step"),
    "one parameter fewer": (lambda s: s["state"].pop(1), "not of this network's parameters"),
    "no groups": (lambda s: s.update(param_groups=[]), "other groups"),
    "other betas": (lambda s: s["param_groups"][0].update(betas=(0.5, 0.5)), "another betas"),
    "other numbers of parameters": (lambda s: s["param_groups"][0].update(params=[0, 7]), "another params"),
    "no rate": (lambda s: s["param_groups"][0].update(lr="fast"), "no learning rate"),
    "an endless rate": (lambda s: s["param_groups"][0].update(lr=float("inf")), "no learning rate"),
}


@pytest.mark.parametrize("kind", OTHER)
def test_a_state_of_another_optimiser_never_reaches_the_kernel(kind: str) -> None:
    change, words = OTHER[kind]
    check_optimizer(adam().state_dict(), adam(), ("step", "exp_avg", "exp_avg_sq"))
    with pytest.raises(Unsound, match=words):
        check_optimizer(damaged(change), adam(), ("step", "exp_avg", "exp_avg_sq"))


def test_moments_in_another_order_of_memory_are_those_of_their_parameter() -> None:
    state = damaged(lambda s: None)
    state["state"][0]["exp_avg"] = torch.arange(6.0).reshape(3, 2).T
    state["state"][1]["exp_avg"] = torch.ones(1).expand(4)
    one, optimizer = adam(), adam()
    for index, moment in enumerate((torch.arange(6.0).reshape(3, 2).T.contiguous(), torch.ones(4))):
        one.state[one.param_groups[0]["params"][index]]["exp_avg"] = moment
    load_optimizer(optimizer, state)
    for each in (one, optimizer):
        each.step()
    for mine, theirs in zip(one.param_groups[0]["params"], optimizer.param_groups[0]["params"], strict=True):
        assert torch.equal(mine, theirs)
        assert optimizer.state[theirs]["exp_avg"].stride() == theirs.stride()


TRAINING: dict[str, Callable[[dict], Any]] = {
    "iteration that is a text": lambda t: t.update(iteration="4"),
    "iteration below 0": lambda t: t.update(iteration=-1),
    "iteration that is no number": lambda t: t.update(iteration=float("nan")),
    "no optimiser": lambda t: t.pop("optimizer"),
    "an optimiser of another kind": lambda t: t.update(optimizer=[1]),
    "a moment of another shape": lambda t: t["optimizer"]["state"][0].update(exp_avg=torch.ones(1)),
    "rows of another kind": lambda t: t.update(rows=[1]),
    "rows without iteration": lambda t: t.update(rows=[{"lr": 0.1}]),
    "results of other tasks": lambda t: t.update(results={"spam": {"eggs": 1.0}}),
    "a best that is none": lambda t: t.update(best={"rank": "high"}),
    "validated in the future": lambda t: t.update(validated=99),
    "a schedule of another iteration": lambda t: t["scheduler"].update(last_epoch=1),
    "a schedule of another length": lambda t: t["scheduler"].update(step_size=1),
    "a schedule with more in it": lambda t: t["scheduler"].update(optimizer=1),
}


CHANGING_MASKS: dict[str, Callable[[Checkpoint], Any]] = {
    "no state": lambda c: c.training.update(sparsifier=None),
    "no last update": lambda c: c.training["sparsifier"].pop("last_update"),
    "a last update of another kind": lambda c: c.training["sparsifier"].update(last_update="2"),
    "an end of another kind": lambda c: c.training["sparsifier"].update(fixed=torch.zeros(3)),
    "one mask fewer": lambda c: c.masks.popitem(),
    "no masks": lambda c: c.masks.clear(),
    "a mask of what has none": lambda c: c.masks.update({"backbone.bn1.weight": torch.ones(4, dtype=torch.bool)}),
}


def test_a_damaged_state_of_training_is_one_line(rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {kind: lambda c, change=change: change(c.training) for kind, change in TRAINING.items()}
    refused("baseline", changes, rooms, tmp_path, monkeypatch)


def test_damaged_masks_of_a_run_that_changes_them_are_one_line(
    rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused("disparse_dynamic", CHANGING_MASKS, rooms, tmp_path, monkeypatch)


def refused(
    method: str, changes: dict[str, Callable], rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "draw_curves", lambda *arguments: None)
    job = job_for(setup_for(rooms, tmp_path / "run", "--tasks", "edge"), method, max_iters=2)
    train(job)
    whole = last(job)
    for kind, change in changes.items():
        content = copy.deepcopy(whole)
        change(content)
        write_checkpoint(job.last, content)
        with pytest.raises(UserError, match=f"{job.last.name}: ") as caught:
            trainer_for(job, resume=True)
        assert "\n" not in str(caught.value), kind
    assert files.MOST_LEVELS > 8

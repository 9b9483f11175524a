"""Short trainings: what they pull on, what shuffled roles see, and that the warm network is one of them."""

from pathlib import Path

import pytest
import torch
from small_relatedness import SmallStudy, train_on
from small_training import setup_for

from configs import UserError
from dataloaders import training_loader
from models import MultitaskNet
from relatedness.controls import shuffled_key
from relatedness.materials import short_training
from relatedness.materials.networks import make_network, starting_network, trained_on
from relatedness.materials.short_training import ShortTraining, default_warmup, train_shortly
from relatedness.study import Plan, Study

TRAINED = [{"img": [1.0, 1.0], "a": [0.0], "b": [10.0]}]


def weights_after(monkeypatch: pytest.MonkeyPatch, names: list[str], iterations: int = 1, **options) -> list[float]:
    """Weights that were (3, 4), of a feature of 7, after steps of 0.5 each."""
    train_on(monkeypatch, TRAINED)
    study = SmallStudy([3.0, 4.0], TRAINED, {"a": 1.0, "b": 3.0}, controls=True)
    roles = [role for role in study.roles if role.name in names]
    net = starting_network(study, roles)
    train_shortly(net, study, ShortTraining(roles, iterations, 0, "a test", **options))
    return net.backbone.weight.flatten().tolist()


def test_roles_pull_by_the_weights_of_their_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    assert weights_after(monkeypatch, ["a"]) == pytest.approx([2.5, 3.5])
    assert weights_after(monkeypatch, ["a", "b"]) == pytest.approx([3.5, 4.5])
    assert weights_after(monkeypatch, ["a"], iterations=2) == pytest.approx([2.0, 3.0])


def test_what_is_trained_aside_does_not_pull(monkeypatch: pytest.MonkeyPatch) -> None:
    assert weights_after(monkeypatch, ["a", "b"], aside={"b"}) == pytest.approx([2.5, 3.5])


def test_a_loss_that_is_not_finite_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    study = SmallStudy([3.0, 4.0], TRAINED, {"a": 1.0})
    train_on(monkeypatch, [*TRAINED, {"img": [1.0, 1.0], "a": [float("nan")]}])
    with pytest.raises(UserError, match=r"the loss of 'a' is nan in iteration 2 .*a alone"):
        study.alone(study.roles[0], 3)


def small_setup(rooms: Path, dest: Path, *more: str) -> Study:
    setup = setup_for(rooms, dest, "--tasks", "depth,seg", *more)
    return Study(setup, Plan(1, warmup=2), 0)


@pytest.mark.parametrize("size", [1, 4])
def test_shuffled_roles_see_targets_of_other_pictures(rooms: Path, tmp_path: Path, size: int) -> None:
    study = small_setup(rooms, tmp_path, "--set", f"data.batch_size={size}")
    shuffled = [role for role in study.roles if role.name == "depth~shuffled"]
    with study.bar(3, "a test") as bar:
        batches = list(short_training._batches(study, ShortTraining(shuffled, 3, 1, "a test"), bar))
    plain = training_loader(study.setup.config, study.setup.keys, range(4), batch_size=size, seed=1, num_workers=0)
    pictures = [batch["depth"] for batch in plain]
    assert len(batches) == 3
    for number, batch in enumerate(batches):
        assert torch.equal(batch["depth"], pictures[number]), "the batches are those that other roles see"
        others = pictures[number + 1] if size == 1 else pictures[number]
        for place, seen in enumerate(batch[shuffled_key("depth")]):
            found = [other for other in range(size) if torch.equal(seen, others[other])]
            assert len(found) == 1 and (size == 1 or found != [place])


def test_trainings_start_from_one_backbone_and_leave_the_held_out_pictures_alone(
    rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = small_setup(rooms, tmp_path)
    (held_out,) = ({*batch["name"]} for _, batch in study.batches("held_out"))
    seen: set[str] = set()
    one = starting_network(study, study.roles[:1])
    both = starting_network(study, study.roles)
    assert one.heads.keys() == {"depth"} and len(both.heads) == 6
    for (name, weight), other in zip(one.backbone.named_parameters(), both.backbone.parameters(), strict=True):
        assert torch.equal(weight, other), name
    assert not torch.equal(*(next(both.heads[name].parameters()) for name in ("depth", "depth~twin")))
    losses = short_training.task_losses

    def watch(predict, batch, *more):
        seen.update(batch["name"])
        return losses(predict, batch, *more)

    monkeypatch.setattr(short_training, "task_losses", watch)
    net = trained_on(study, study.roles[:2], 6, "a test")
    assert len(held_out) == 2 and len(seen) == 6 and not seen & held_out
    assert same(net, trained_on(study, study.roles[:2], 6, "again")), "it depends on settings and seed alone"


def test_the_backbone_of_a_warm_network_is_that_of_its_tasks_alone(rooms: Path, tmp_path: Path) -> None:
    study = small_setup(rooms, tmp_path)
    setup = study.setup
    warm, plain = make_network(study, "warm"), make_network(Study(setup, Plan(1, controls=False, warmup=2), 0), "warm")
    assert warm.heads["depth~shuffled"] is warm.heads["depth"]
    assert same(MultitaskNet(warm.backbone, {}), MultitaskNet(plain.backbone, {}))
    assert not same(warm, make_network(Study(setup, Plan(1, warmup=1), 0), "warm"))


def test_the_default_length_is_a_twentieth_of_the_schedule(rooms: Path, tmp_path: Path) -> None:
    assert default_warmup(setup_for(rooms, tmp_path, "--set", "train.max_iters=150")) == 8
    assert default_warmup(setup_for(rooms, tmp_path, "--set", "train.max_iters=3")) == 1


def same(one: MultitaskNet, other: MultitaskNet) -> bool:
    """Whether all weights and statistics are equal."""
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)

"""Layers by stage: the finest parts that a picture has room for."""

from models import ModelConfig, build_network
from prune_utils.layers import weights
from reports.similarity.figures import new_figure
from reports.stages import FEW_LAYERS, MOST_STAGES, label_stages, short_names, stages


def layers(depth: int, tasks: int) -> list[str]:
    config = ModelConfig(depth=depth, width=2, head_channels=2)
    return list(weights(build_network(config, {f"t{task}": 1 for task in range(tasks)})))


def test_the_published_network_has_its_stages() -> None:
    found = stages(layers(34, 3))
    assert list(found) == ["conv1", "blocks.0", "blocks.1", "blocks.2", "blocks.3", "ds.1", "ds.2", "ds.3", "heads.t0",
                           "heads.t1", "heads.t2"]  # fmt: skip
    assert found["conv1"] == [0] and found["blocks.0"] == [1, 2, 3, 4, 5, 6] and len(found["heads.t2"]) == 12
    assert sorted(place for places in found.values() for place in places) == list(range(len(layers(34, 3))))


def test_of_very_many_parts_coarser_ones_are_shown() -> None:
    assert len(stages(layers(34, 40))) <= MOST_STAGES
    assert list(stages([f"backbone.{index}.weight" for index in range(99)])) == ["backbone"]


def test_few_layers_are_named_and_many_are_grouped() -> None:
    for names, labels in ((["a.x.weight", "a.y.weight"], ["x", "y"]), (layers(34, 1), list(stages(layers(34, 1))))):
        axes = new_figure(4, 3).subplots()
        label_stages(axes, names)
        assert [label.get_text() for label in axes.get_xticklabels()] == labels
        assert len(axes.lines) == (len(labels) - 1 if len(names) > FEW_LAYERS else 0)


def test_layer_names_lose_what_they_share() -> None:
    assert short_names(["backbone.conv1.weight", "backbone.ds.0.weight"]) == ["conv1", "ds.0"]
    assert short_names(["backbone.conv1.weight"]) == ["conv1"]
    assert short_names(["a.0", "a.0.1"]) == ["0", "0.1"]

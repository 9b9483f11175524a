"""The words and the picture of a grouping."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from configs import UserError
from reports.groups.figures import draw_groups
from reports.groups.file import GroupsFile
from reports.groups.text import amount, groups_text, verdict


def group(tasks: str, values: dict[str, float], known: bool = True, predicted: bool = False) -> dict[str, Any]:
    intervals = {task: (value - 0.02, value + 0.02) if known else None for task, value in values.items()}
    return {"tasks": tasks.split(), "serves": list(values), "values": values, "intervals": intervals, "cost": 1,
            "predicted": predicted}  # fmt: skip


def a_file(**changes: Any) -> GroupsFile:
    """Four tasks in two networks, from gains."""
    groups = [group("seg depth", {"seg": 0.05, "depth": 0.03}), group("sn seg edge", {"sn": 0.011, "edge": -0.02},
              predicted=True)]  # fmt: skip
    second = {"groups": [group("seg", {"seg": 0.0}), group("sn depth edge", {"sn": 0.01, "depth": 0.02, "edge": 0.01})],
              "value": 0.01, "cost": 2}  # fmt: skip
    support = {"task": "seg", "partners": ["depth"], "value": 0.05, "low": 0.03, "high": 0.07}
    contents = {
        "dataset": "rooms", "tasks": ["seg", "sn", "depth", "edge"], "source": "gains", "source_file": "gains.json",
        "replicates": 5, "by": "networks", "budget": 2, "cover": True, "max_size": 4, "groups": groups,
        "value": 0.01775, "cost": 2, "runner_up": second, "gap": 0.00775, "gap_interval": (-0.001, 0.0165),
        "stability": 0.615, "resamples": 200, "all_together": None, "all_alone": 0, "random_mean": -0.004,
        "random_count": 1000, "over_budget": ["all_alone"], "blind": [],
        "evidence": {"level": 0.95, "tested": 12, "beyond_chance": True, "supported": [support]},
    }  # fmt: skip
    return GroupsFile.model_validate(contents | changes)


def test_the_words() -> None:
    lines = groups_text(a_file()).splitlines()
    for line in (
        "rooms: which tasks train together, by measured gains over training alone, 5 seeds",
        "  seg with depth: +5.0 % (+3.0 % to +7.0 %)",
        "Budget: 2 networks (cover: a task may be a helper elsewhere)",
        "Best, worth +1.8 %:",
        "  seg+depth",
        "      seg      +5.0 %  (+3.0 % to +7.0 %)",
        "  sn+edge (helped by seg) *",
        "Runner-up: seg | sn+depth+edge",
        "The best one's value lies +0.8 % above the runner-up's (-0.1 % to +1.7 %: not resolved).",
        "The same grouping is the best in 62 % of 200 resamplings.",
        "all together  not known",
        "all alone         0.0 %  over the budget",
        "random, mean     -0.4 %  1,000 partitions within the budget",
    ):
        assert line in lines, "\n".join(lines)


def test_what_it_says_of_the_evidence() -> None:
    few = a_file().evidence.model_dump() | {"beyond_chance": False}
    assert verdict(a_file()).startswith("Evidence: 1 of 12 values lie above training alone by the whole 95 % interval")
    assert verdict(a_file(evidence=few)).startswith("No evidence beyond chance for any grouping: 1 of 12")
    assert verdict(a_file(evidence=few | {"supported": []})).startswith("No evidence for any grouping: none of 12")
    unknown = few | {"supported": [], "tested": 0}
    assert verdict(a_file(evidence=unknown, replicates=1)).startswith("Evidence: not known.")
    names = ["seg", "sn", "depth", "edge"]
    text = groups_text(a_file(source="snip", blind=names, stability=None, evidence=unknown))
    assert "No evidence for any grouping: on this data snip cannot tell a task's exact twin from noise." in text
    assert "All groupings count the same. The cheapest:" in text and "Runner-up" not in text
    text = groups_text(a_file(source="snip", blind=["sn"]))
    assert "For sn it cannot tell a twin from noise" in text and "      seg       +0.05  (+0.03 to +0.07)" in text


def test_a_tie_is_called_one() -> None:
    text = groups_text(a_file(gap=0.0, gap_interval=(0, 0)))
    assert "The two are worth the same" in text and "resolved" not in text
    assert "There is no other grouping within the budget." in groups_text(a_file(runner_up=None, gap=None))


@pytest.mark.parametrize(
    ("cost", "by", "words"),
    [(1, "networks", "1 network"), (1.5, "networks", "1.5 networks"), (90_695_664, "parameters", "90.7 M parameters"),
     (1_675_158_400, "multiply_adds", "1.675 G multiply-adds")],
)  # fmt: skip
def test_amounts(cost: float, by: str, words: str) -> None:
    assert amount(cost, by) == words


@pytest.mark.parametrize("number", [2, 7, 25])
def test_the_picture_is_full_and_nothing_is_cut_off(number: int, tmp_path: Path) -> None:
    names = [f"a_rather_long_name_of_task_{index}" for index in range(number)]
    groups = [group(f"{a} {names[0]}" if a != names[0] else a, {a: 0.3}) for a in names]
    draw_groups(a_file(tasks=names, groups=groups, source="labels"), tmp_path / "groups.png")
    image = np.asarray(Image.open(tmp_path / "groups.png").convert("RGB"))
    assert image.shape[0] >= 600 and image.shape[1] >= 1500
    for edge in (image[:3], image[-3:], image[:, :3], image[:, -3:]):
        assert (edge == 255).all()
    assert [path.name for path in tmp_path.iterdir()] == ["groups.png"]


def test_the_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = a_file(branches=[{"tasks": ["seg", "depth"], "after": None, "source": "labels by layer"}])
    file.write(tmp_path / "groups.json")
    assert GroupsFile.read(tmp_path / "groups.json") == file
    assert "  seg+depth: nowhere, it never falls  (labels by layer)" in groups_text(file)
    (tmp_path / "groups.json").write_text('{"schema": 1, "groups": []}')
    with pytest.raises(UserError, match="not a grouping of tasks"):
        GroupsFile.read(tmp_path / "groups.json")

"""Reading gains.json, also one that was written by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from configs import UserError
from reports.gains import GainsFile, relative_gains


def contents() -> dict[str, Any]:
    """Two tasks, alone and together; nobody wrote a seed or a version."""
    return {
        "dataset": "rooms", "tasks": ["seg", "depth"], "metric": {"seg": "mIoU", "depth": "AbsErr"},
        "higher_is_better": {"seg": True, "depth": False},
        "runs": [{"tasks": ["seg"], "value": {"seg": 0.5}}, {"tasks": ["depth"], "value": {"depth": 0.8}},
                 {"tasks": ["depth", "seg"], "value": {"seg": 0.6, "depth": 0.6}}],
    }  # fmt: skip


def test_a_file_written_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "gains.json"
    path.write_text(json.dumps(contents()))
    file = GainsFile.read(path)
    assert file.seeds == [0]
    gains = relative_gains(file)
    assert list(gains) == [frozenset(["seg", "depth"])]
    (of_group,) = gains.values()
    assert list(of_group) == ["seg", "depth"]
    np.testing.assert_allclose(np.concatenate(list(of_group.values())), [0.2, 0.25])
    file.write(tmp_path / "again.json")
    assert GainsFile.read(tmp_path / "again.json") == file


def broken(change: str) -> dict[str, Any]:
    """The file above with one mistake."""
    file = contents()
    run = file["runs"][2]
    match change:
        case "twice":
            file["tasks"].append("seg")
        case "folder":
            file["dataset"] = "../rooms"
        case "metric":
            del file["metric"]["depth"]
        case "better":
            file["higher_is_better"] = {}
        case "unknown":
            run["tasks"] = ["seg", "edge"]
        case "repeated":
            run["tasks"] = ["seg", "seg"]
        case "value":
            run["value"] = {"seg": 0.5}
        case "number":
            run["value"]["seg"] = "high"
        case "infinite":
            run["value"]["seg"] = float("nan")
        case "same":
            file["runs"].append({"tasks": ["seg", "depth"], "value": run["value"]})
        case "alone":
            del file["runs"][1]
        case "zero":
            file["runs"][0]["value"]["seg"] = 0
        case "empty":
            file["runs"] = []
        case "schema":
            file["schema"] = 2
    return file


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("twice", "g.json: tasks: 'seg' is named twice"),
        ("folder", "g.json: dataset: '../rooms' is no name for a folder"),
        ("metric", "g.json: metric: nothing for 'depth'; add it"),
        ("better", "g.json: higher_is_better: nothing for 'seg'; add it"),
        ("unknown", r"g.json: runs\[2\].tasks: 'edge' is not among tasks \(seg, depth\)"),
        ("repeated", r"g.json: runs\[2\].tasks: a task is named twice in seg, seg"),
        ("value", r"g.json: runs\[2\].value: it has seg, and the run trained depth, seg; give each of these"),
        ("number", "g.json: .*runs.2.value.seg: .*number.*'high'"),
        ("infinite", "g.json: .*runs.2.value.seg: .*finite"),
        ("same", r"g.json: runs\[3\]: the tasks and the seed of runs\[2\]; leave one out"),
        ("alone", "g.json: runs: 'depth' is nowhere trained alone"),
        ("zero", "g.json: runs: 'seg' alone has mIoU 0"),
        ("empty", "g.json: .*runs: List should have at least 1 item"),
        ("schema", "g.json: schema: version 2"),
    ],
)
def test_mistakes_are_named(change: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        GainsFile.parse(broken(change), "g.json")

"""What would be overwritten by something else is set aside, and a line says so."""

import json
from pathlib import Path

from conftest import Script, tiny


def test_a_report_of_other_tasks_is_kept(run_script: Script, rooms: Path, tmp_path: Path) -> None:
    words = [*tiny(rooms), "--num_batches", "1", "--num_seeds", "1", "--dest", "out"]
    for tasks in ("seg,sn", "sn,edge", "sn,edge"):
        result = run_script("static_similarity.py", *words, "--tasks", tasks)
        assert result.returncode == 0, result.stderr
    assert "held results" not in result.stdout, "the third is of the same tasks as the second"
    earlier, now = (json.loads((tmp_path / "out" / name).read_text())["tasks"]
                    for name in ("similarity.earlier.json", "similarity.json"))  # fmt: skip
    assert (earlier, now) == (["seg", "sn"], ["sn", "edge"])


def test_a_network_of_other_settings_is_kept(run_script: Script, rooms: Path, tmp_path: Path) -> None:
    words = [*tiny(rooms), "--method", "random", "--num_batches", "1", "--dest", "out"]
    path = tmp_path / "out" / "sample_random_90.pth"
    assert run_script("create_pruned_net.py", *words).returncode == 0
    first = path.read_bytes()
    again = run_script("create_pruned_net.py", *words)
    assert again.returncode == 0 and "another network" not in again.stdout
    other = run_script("create_pruned_net.py", *words, "--seed", "3")
    assert other.returncode == 0, other.stderr
    assert "was another network (" in other.stdout and "seed was 0 and is 3" in other.stdout
    assert (tmp_path / "out" / "sample_random_90.earlier.pth").stat().st_size == len(first)

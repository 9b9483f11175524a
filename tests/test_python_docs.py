"""docs/python.md, block by block as it stands there."""

import re
from pathlib import Path

import pytest
from conftest import REPOSITORY, Script
from small_data import make_aerial

MOST_LINES = 12


def blocks() -> list[str]:
    return re.findall(r"```python\n(.+?)```", (REPOSITORY / "docs" / "python.md").read_text(), re.DOTALL)


def statements(block: str) -> list[str]:
    return [line for line in block.splitlines() if line.strip() and not line.startswith(("import ", "from "))]


def test_each_is_a_dozen_lines_at_most() -> None:
    found = blocks()
    assert len(found) == 6
    assert max(len(statements(block)) for block in found) <= MOST_LINES


def test_they_run(
    run_script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    make_aerial(tmp_path / "aerial")
    flags = ["--dataset", "aerial/aerial.yaml", "--data_root", "aerial", "--device", "cpu", "--num_workers", "0"]
    small = ("data.batch_size=1", "model.width=4", "model.head_channels=4")
    quick = [part for text in small for part in ("--set", text)]
    trained = run_script("launch_training.py", *flags, *quick, "--max_iters", 1)
    assert trained.returncode == 0, trained.stderr
    yaml = tmp_path / "aerial" / "aerial.yaml"
    settings = yaml.read_text().replace("batch_size: 4", "batch_size: 1")
    yaml.write_text(settings.replace("width: 16, head_channels: 64", "width: 4, head_channels: 4"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "aerial"))
    names: dict = {}
    printed = []
    for block in blocks():
        exec(compile(block, "docs/python.md", "exec"), names)
        printed.append(capsys.readouterr().out)
    predicted, metrics, scored, compared, pruned, estimated = printed
    assert "'cover': (1, 72, 80)" in predicted and "'height': (1, 72, 80)" in predicted
    assert len(metrics.split()) == 3
    assert "backbone.0.weight" in scored and "heads.noise.weight" in scored
    values = {tuple(line.split()[:2]): float(line.split()[2]) for line in compared.splitlines()}
    assert set(values) == {("sum", "sign"), ("sum", "noise"), ("sign", "noise")}
    assert all(0 < value <= 1 for value in values.values())
    kept = names["kept_counts"](names["mine"])
    assert sum(k for k, _ in kept.values()) == round(0.1 * sum(n for _, n in kept.values()))
    assert "backbone.0.weight" in pruned
    assert "labels" in estimated and "gradient_cosine" in estimated

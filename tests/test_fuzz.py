"""Wrong input of many kinds ends with status 0, or with 2 and one line; never a traceback, a hang or a loss.

The cases are seeded and always the same ones; ``python -m tests.attack`` tries others and more.
"""

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.attacking.base import Material
from tests.attacking.inputs import INPUTS
from tests.attacking.material import make_material
from tests.attacking.results import RESULTS
from tests.attacking.trying import attack, clear
from tests.attacking.whole import contents_of, left_fault
from tests.attacking.whole_scripts import SCRIPT_DOORS

DOORS = INPUTS | RESULTS
CASES = {"flags": 30, "settings": 60, "yaml": 60, "indices": 40, "images": 30, "arrays": 30, "checkpoints": 40,
         "pickles": 20, "statistics": 60, "json": 60}


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return make_material(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.parametrize("kind", DOORS)
def test_wrong_input_is_one_line(kind: str, material: Material) -> None:
    faults = attack(DOORS[kind], [f"{kind} {number}" for number in range(CASES[kind])], material)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("kind", SCRIPT_DOORS)
def test_scripts_lose_nothing_to_wrong_input(kind: str, material: Material) -> None:
    faults = attack(SCRIPT_DOORS[kind], [f"{kind} {number}" for number in range(3)], material)
    assert not faults, "\n".join(faults)


WHOLE = {"a.csv": "iteration,loss\n1,0.5\n2,0.25\n", "a.json": '{"a": 1}', "a.md": "| a |\n", "data/1.json": "[]"}
SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda folder: None, "None"),
    "new and whole": (lambda folder: (folder / "b.json").write_text("{}"), "None"),
    "replaced by a whole one": (lambda folder: (folder / "a.csv").write_text("iteration,loss\n"), "None"),
    "cut short": (lambda folder: (folder / "a.json").write_text('{"a"'), "wrote a.json, which is not whole"),
    "a row cut short": (lambda folder: (folder / "a.csv").write_text("iteration,loss\n1,0.5\n2"), "wrote a.csv"),
    "a row twice": (lambda folder: (folder / "a.csv").write_text("iteration,loss\n1,0.5\n1,0.5\n"), "wrote a.csv"),
    "a text cut short": (lambda folder: (folder / "a.md").write_text("| a"), "wrote a.md"),
    "half a network": (lambda folder: (folder / "a.pth").write_bytes(b"PK"), "wrote a.pth"),
    "half a picture": (lambda folder: (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n"), "wrote a.png"),
    "half an array": (lambda folder: (folder / "a.npz").write_bytes(b"PK\x03\x04"), "wrote a.npz"),
    "lost": (lambda folder: (folder / "a.csv").unlink(), r"lost \['a.csv'\]"),
    "temporary": (lambda folder: (folder / ".a.1.tmp").touch(), r"left \['.a.1.tmp'\]"),
    "data": (lambda folder: (folder / "data" / "1.json").write_text("{}"), "changed data/1.json"),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_what_is_left_half_written_or_lost_is_found(kind: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name, text in WHOLE.items():
        (tmp_path / name).write_text(text)
    before = contents_of(tmp_path)
    spoil, words = SPOILT[kind]
    spoil(tmp_path)
    assert re.search(words, str(left_fault("a.py", tmp_path, before)))


def test_the_fuzzer_finds_faults(material: Material, tmp_path: Path) -> None:
    """What raises, warns or says too much is found, and what holds is not."""

    def bad(rng: random.Random, material: Material):
        return rng.choice([lambda: {}["x"], lambda: [][1]])

    clear(tmp_path / "case")
    assert len(attack(bad, ["1", "2", "3"], material)) == 3

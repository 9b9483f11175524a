"""Wrong input of many kinds ends with status 0, or with 2 and one line; never a traceback, a hang or a loss.

The cases are seeded and always the same ones; ``python -m tests.attack`` tries others and more.
"""

import random
from pathlib import Path

import pytest

from tests.attacking.base import Material
from tests.attacking.inputs import INPUTS
from tests.attacking.material import make_material
from tests.attacking.results import RESULTS
from tests.attacking.trying import attack, clear
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


def test_the_fuzzer_finds_faults(material: Material, tmp_path: Path) -> None:
    """What raises, warns or says too much is found, and what holds is not."""

    def bad(rng: random.Random, material: Material):
        return rng.choice([lambda: {}["x"], lambda: [][1]])

    clear(tmp_path / "case")
    assert len(attack(bad, ["1", "2", "3"], material)) == 3

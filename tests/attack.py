"""Attack the project with wrong input, kills, interrupts and races, and print a table: class, tried, held.

    python -m tests.attack                          # some cases of every class: half an hour
    python -m tests.attack --class images --cases 500 --seed 7

Nothing is written into the repository. A fault is printed with the seed that leads to it.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from tests.attacking.base import Door, Material
from tests.attacking.inputs import INPUTS
from tests.attacking.material import make_material
from tests.attacking.processes import ATTACKS
from tests.attacking.results import RESULTS
from tests.attacking.trying import attack, clear
from tests.attacking.whole_scripts import SCRIPT_DOORS

DOORS = INPUTS | RESULTS
CASES_OF_FUNCTIONS, CASES_OF_SCRIPTS, CASES_OF_PROCESSES = 200, 20, 10


def main() -> None:
    arguments = parse_arguments()
    chosen = [arguments.kind] if arguments.kind else [*DOORS, *SCRIPT_DOORS, *ATTACKS]
    with tempfile.TemporaryDirectory(prefix="attack_") as folder:
        material = make_material(Path(folder))
        rows = [_row(kind, arguments.cases, arguments.seed, material) for kind in chosen]
    width = max(len(kind) for kind, _, _ in rows)
    print(f"\n{'class':<{width}}  tried   held")
    for kind, tried, faults in rows:
        print(f"{kind:<{width}}  {tried:>5}  {tried - faults.total():>5}")
    for kind, _, faults in rows:
        for fault, times in faults.most_common():
            print(f"{kind}: {times} x {fault}")
    sys.exit(any(faults for _, _, faults in rows))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--class", dest="kind", choices=[*DOORS, *SCRIPT_DOORS, *ATTACKS], help="default: all of them")
    parser.add_argument("--cases", type=int, help="of each class; default: 200, 20 or 10, by what a case takes")
    parser.add_argument("--seed", type=int, default=0, help="other seeds are other cases")
    return parser.parse_args()


def _row(kind: str, cases: int | None, seed: int, material: Material) -> tuple[str, int, Counter[str]]:
    usual = CASES_OF_FUNCTIONS if kind in DOORS else CASES_OF_SCRIPTS if kind in SCRIPT_DOORS else CASES_OF_PROCESSES
    names = [f"{seed} {kind} {number}" for number in range(usual if cases is None else cases)]
    with tqdm(names, desc=f"{kind:<20}", unit="case") as bar:
        if kind in ATTACKS:
            faults = _attack_processes(kind, bar, material)
        else:
            door: Door = (DOORS | SCRIPT_DOORS)[kind]
            faults = attack(door, bar, material)
    return kind, len(names), faults


def _attack_processes(kind: str, seeds: Iterable[str], material: Material) -> Counter[str]:
    faults: Counter[str] = Counter()
    for seed in seeds:
        clear(material.folder)
        fault = ATTACKS[kind](random.Random(seed), material)
        if fault is not None:
            faults[f"{fault}  [seed {seed}]"] += 1
    return faults


if __name__ == "__main__":
    main()

"""Attack the project with wrong input, kills, interrupts and races, and print a table: class, tried, held.

    python -m tests.attack                                          # some cases of every class, see docs/robustness.md
    python -m tests.attack --class images --cases 500 --seed 7
    python -m tests.attack --checkout ../older --results old.json   # the scripts of another checkout, for --before

Nothing is written into the repository. A fault is told with the seed that leads to it.
"""

import argparse
import random
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from configs.paths import REPOSITORY, write_text
from tests.attacking.base import Door, Material
from tests.attacking.inputs import INPUTS
from tests.attacking.material import make_material
from tests.attacking.page import Row, page, write_results
from tests.attacking.processes import ATTACKS
from tests.attacking.results import RESULTS
from tests.attacking.trying import attack, clear
from tests.attacking.whole_scripts import SCRIPT_DOORS

FUNCTIONS = INPUTS | RESULTS
CASES = {**dict.fromkeys(FUNCTIONS, 200), **dict.fromkeys(SCRIPT_DOORS, 12), **dict.fromkeys(ATTACKS, 6)}
"""By what a case takes."""


def main() -> None:
    arguments = parse_arguments()
    ours = arguments.checkout == REPOSITORY
    chosen = [arguments.kind] if arguments.kind else [kind for kind in CASES if ours or kind not in FUNCTIONS]
    with tempfile.TemporaryDirectory(prefix="attack_") as folder:
        material = make_material(Path(folder), arguments.checkout)
        rows = [_row(kind, arguments.cases or CASES[kind], arguments.seed, material) for kind in chosen]
    text = page(rows, _command(), arguments.before)
    print(f"\n{text}")
    if arguments.page is not None:
        write_text(arguments.page, text)
    if arguments.results is not None:
        write_results(arguments.results, rows, _revision(arguments.checkout))
    sys.exit(any(row.faults for row in rows))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--class", dest="kind", choices=list(CASES), help="default: all of them")
    add("--cases", type=int, help="of each class; default: 200, 12 or 6, by what a case takes")
    add("--seed", type=int, default=0, help="other seeds are other cases")
    add("--checkout", type=lambda text: Path(text).resolve(), default=REPOSITORY, help="whose scripts are attacked")
    add("--results", type=Path, metavar="FILE.json", help="keep what was found, for --before")
    add("--before", type=Path, metavar="FILE.json", help="what was found in another version, for a column")
    add("--page", type=Path, metavar="FILE.md", help="write the table here, too")
    arguments = parser.parse_args()
    if arguments.kind in FUNCTIONS and arguments.checkout != REPOSITORY:
        parser.error(f"--class {arguments.kind} hands wrong input to functions, which another checkout need not have")
    return arguments


def _row(kind: str, cases: int, seed: int, material: Material) -> Row:
    names = [f"{seed} {kind} {number}" for number in range(cases)]
    with tqdm(names, desc=f"{kind:<20}", unit="case") as bar:
        if kind in ATTACKS:
            does: object = ATTACKS[kind]
            faults = _attack_processes(kind, bar, material)
        else:
            door: Door = (FUNCTIONS | SCRIPT_DOORS)[kind]
            does, faults = door, attack(door, bar, material)
    return Row(kind, " ".join((does.__doc__ or "").split()).rstrip("."), cases, faults)


def _attack_processes(kind: str, seeds: Iterable[str], material: Material) -> Counter[str]:
    faults: Counter[str] = Counter()
    for seed in seeds:
        clear(material.folder)
        fault = ATTACKS[kind](random.Random(seed), material)
        if fault is not None:
            faults[f"{fault}  [seed {seed}]"] += 1
    return faults


def _command() -> str:
    return f"python -m tests.attack {shlex.join(sys.argv[1:])}".strip()


def _revision(checkout: Path) -> str:
    command = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()

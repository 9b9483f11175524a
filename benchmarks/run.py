"""Measure what DESIGN asks of speed and memory, and print it as a table of ratios.

    python -m benchmarks.run                    # everything
    python -m benchmarks.run scoring loading    # some parts

Each part runs in a process of its own, so that peak memory is its own.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import torch
from tqdm import tqdm

from benchmarks import accuracy, evaluation, inference, loading, relatedness, scoring, statistics, training
from benchmarks.timing import Row
from configs.flags import run_script

PARTS: dict[str, Callable[[], list[Row]]] = {
    "scoring": scoring.measure,
    "statistics": partial(statistics.measure, 3),
    "statistics25": partial(statistics.measure, 25),
    "relatedness": relatedness.measure,
    "loading": loading.measure,
    "loop": training.measure_loop,
    "dynamic": training.measure_dynamic,
    "evaluation": evaluation.measure,
    "inference": inference.measure,
    "accuracy": accuracy.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--json", action="store_true", help="measure here and print JSON")
    arguments = parser.parse_args()
    for part in arguments.parts:
        if part not in PARTS:
            parser.error(f"unknown part '{part}'; choose from {', '.join(PARTS)}")
    if arguments.json:
        print(json.dumps([asdict(row) for part in arguments.parts for row in PARTS[part]()]))
        return
    bar = tqdm(arguments.parts or list(PARTS), unit="part")
    rows = [row for part in bar for row in measured(part, bar)]
    print(f"\n{torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print(markdown(rows))


def measured(part: str, bar: tqdm) -> list[Row]:
    """One part's rows, measured in another process."""
    bar.set_description(part)
    command = [sys.executable, "-m", "benchmarks.run", part, "--json"]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [Row(**row) for row in json.loads(output.splitlines()[-1])]


def markdown(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    cells = [("part", "figure", "measured", "asked for")] + [(r.part, r.figure, r.value, r.target) for r in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    lines = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |" for row in cells]
    return "\n".join([lines[0], "| " + " | ".join("-" * width for width in widths) + " |", *lines[1:]])


if __name__ == "__main__":
    run_script(main)

"""Where each estimator puts tasks of which the truth is known, as a Markdown table.

    python docs/evidence/planted_table.py relatedness.json

The first task of the file is helped; its partners are copy, negative, coarse, other and noise.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from reports.intervals import interval
from reports.relatedness.file import EstimatorResult, array, read_relatedness
from reports.relatedness.summary import summarise_estimator

EXPECTED = ("copy", "coarse", "other", "noise")


def main() -> None:
    file = read_relatedness(Path(sys.argv[1]))
    partners = file.tasks[1:]
    expected = [name for name in EXPECTED if name in partners]
    print(f"helped: {file.tasks[0]}; {file.replicates} replicates, {file.num_batches} batches each\n")
    counts = ["copy first", "noise last", "both, by value"]
    columns = ["estimator", "sensitivity", *partners, " > ".join(expected), *counts]
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for label, result in file.estimators.items():
        print(f"| {' | '.join(row(label, result, file.tasks, expected))} |")


def row(label: str, result: EstimatorResult, tasks: list[str], expected: list[str]) -> list[str]:
    """Sensitivity; each partner on the scale from floor, 0 %, to twin, 100 %, or its plain value; in how many
    replicates the partners stand in the order expected, the copy first and noise last, each less its mean floor; and in
    how many the copy is first and noise last by the values as they are."""
    summary = summarise_estimator(label, result, tasks)
    values, floor, ceiling = (array(part)[:, 0] for part in (result.values, result.floor, result.ceiling))
    has_scale = bool(np.isfinite(summary.scaled.to_numpy()[0, 1:]).all())
    scale = (ceiling[:, None] - floor).mean(0) if has_scale else 1.0
    shown = (values - floor) / scale if has_scale else values  # as task_relatedness.py shows them
    order = (values - floor.mean(0)) / scale if has_scale else values  # one replicate's floor would add its own noise
    cells = []
    for name in tasks[1:]:
        place = tasks.index(name)
        found = interval(shown[:, place])
        cells.append(f"{100 * found.mean:.0f} % ±{100 * (found.high - found.mean):.0f}" if has_scale
                     else f"({found.mean:.3f} ±{found.high - found.mean:.3f})")
    places = [tasks.index(name) for name in expected]
    others = [place for place in range(1, len(tasks)) if tasks[place] != "negative"]
    ordered = (np.diff(order[:, places], axis=1) < 0).all(1).sum()
    first = (order[:, tasks.index("copy")] >= order[:, others].max(1)).sum()
    last = (order[:, tasks.index("noise")] <= order[:, others].min(1)).sum()
    copy, noise, all_others = values[:, tasks.index("copy")], values[:, tasks.index("noise")], values[:, others]
    plainly = ((copy >= all_others.max(1)) & (noise <= all_others.min(1))).sum()
    sensitivity = "?" if np.isnan(summary.sensitivity) else f"{min(summary.sensitivity, 9999):.1f}"
    count = len(values)
    return [label, sensitivity, *cells, *(f"{number} of {count}" for number in (ordered, first, last, plainly))]


if __name__ == "__main__":
    main()

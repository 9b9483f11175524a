"""All estimators that need no training, with floors and ceilings, against the pass that SNIP alone takes."""

import tempfile

from benchmarks.loading import FRAMES, rendered_frames
from benchmarks.timing import Row, interleaved
from configs import flags
from relatedness.registry import ESTIMATORS, UNTRAINED, build_estimator
from relatedness.running import estimate_once
from relatedness.study import Plan, Study
from runtime.provenance import peak_memory_mb
from runtime.setup import Setup, prepare

CROP, BATCHES = 161, 2
STEPS = "tag@init"
"""Shares no work with the others: it looks at losses after real steps. Meant for networks after a warm-up."""


def measure() -> list[Row]:
    """The full-size NYUv2 network and its three tasks on rendered frames: time over the SNIP pass, and peak memory."""
    with rendered_frames() as config, tempfile.TemporaryDirectory() as folder:
        sizes = [f"data.crop={CROP}", f"data.batch_size={FRAMES // (2 * BATCHES)}", f"data.root={config.data.root}"]
        words = ["--dataset", "nyuv2", "--num_workers", "0", "--dest", folder]
        words += [word for size in sizes for word in ("--set", size)]
        setup = prepare(flags.SharedFlags.of(flags.script_parser("").parse_args(words)))
        labels = untrained(setup)
        everything, steps, alone = interleaved(
            lambda: estimate(setup, [label for label in labels if label != STEPS], controls=True),
            lambda: estimate(setup, [STEPS], controls=True),
            lambda: estimate(setup, ["snip"], controls=False),
            repeats=2,
        )
    return [
        Row("relatedness", f"{len(labels) - 1} estimators with controls over the SNIP pass alone",
            f"{everything / alone:.2f} x", "<= 3 x"),
        Row("relatedness", f"{STEPS} with controls, which takes steps of its own, over the SNIP pass alone",
            f"{steps / alone:.2f} x"),
        Row("relatedness", f"peak memory, three tasks, crop {CROP}", f"{peak_memory_mb() / 1024:.1f} GiB", "< 4 GB"),
    ]  # fmt: skip


def untrained(setup: Setup) -> list[str]:
    """Labels of all estimators that can look at targets or at a network at initialisation."""
    kinds = {name: build_estimator(name, setup.config) for name in ESTIMATORS}
    usual = [name for name, estimator in kinds.items() if estimator.need in UNTRAINED]
    return usual + [
        f"{name}@init" for name, estimator in kinds.items() if "init" in estimator.needs and name not in usual
    ]


def estimate(setup: Setup, labels: list[str], controls: bool) -> None:
    """One replicate."""
    study = Study(setup, Plan(BATCHES, controls), 0, with_scores="snip" in labels)
    for label in labels:
        estimator = build_estimator(label, setup.config)
        estimate_once(estimator, study)
        if estimator.uses_scores:
            study.release_scores()

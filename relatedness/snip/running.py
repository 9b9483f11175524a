"""From settings to ``similarity.json``: statistics of every seed, kept ones where there are any, and their tables."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from configs import Config, UserError
from configs.plugins import resolve
from prune_utils.initialisation import scores_at_initialisation
from prune_utils.keep_ratio import KeepRatio, stated_keep_ratio
from prune_utils.layers import Masks, Scores, shared_weights
from prune_utils.masks import MergedNetwork, keep_thresholds, masks_above
from relatedness.snip.measures import MEASURES, Measure
from relatedness.snip.similarity import layer_rows, similarity_tables
from relatedness.snip.statistics import Statistics, pair_statistics
from relatedness.snip.store import load_statistics, save_masks, save_statistics
from relatedness.snip.weightings import WEIGHTINGS, Weighting
from reports.similarity.file import SimilarityFile
from reports.similarity.report import read_report
from runtime.contents import UNNAMED
from runtime.identity import Identity, identity_of
from runtime.passes import scored_samples, task_magnitudes
from runtime.provenance import Stopwatch, provenance
from runtime.setup import Setup

MASKS = ".masks.npz"


@dataclass(frozen=True)
class SimilarityStudy:
    """What is asked for.

    Attributes:
        setup: settings, tasks, device, destination; its seed is that of the first network.
        num_batches: to score with, for each seed.
        num_seeds: networks to score.
        sparsities: in percent.
        keep_ratio: how the share of weights that a task keeps is chosen.
        folder: where each seed's statistics are kept.
        save_masks: whether to keep every task's masks as well.
        measures, weightings: by name, those of the user's own among them.
    """

    setup: Setup
    num_batches: int
    num_seeds: int
    sparsities: tuple[int, ...]
    keep_ratio: KeepRatio
    folder: Path
    save_masks: bool = False
    measures: Mapping[str, Measure] = field(default_factory=lambda: MEASURES)
    weightings: Mapping[str, Weighting] = field(default_factory=lambda: WEIGHTINGS)

    @property
    def stated_ratios(self) -> list[float] | None:
        """The keep ratio of each sparsity; None where it depends on the scores."""
        published = self.setup.config.scoring.keep_ratios.get("static", {})
        ratios = [stated_keep_ratio(self.keep_ratio, sparsity, published) for sparsity in self.sparsities]
        stated = [ratio for ratio in ratios if ratio is not None]
        return stated if len(stated) == len(ratios) else None

    @property
    def seeds(self) -> range:
        """Of the networks, of data order, augmentation and dropout."""
        return range(self.setup.seed, self.setup.seed + self.num_seeds)

    def identity(self, seeds: Sequence[int]) -> Identity:
        """Of the statistics of these seeds."""
        each = [scored_samples(self.setup, self.num_batches, seed) for seed in seeds]
        further = {
            "seeds": list(seeds),
            "num_batches": self.num_batches,
            "sparsities": self.sparsities,
            "keep_ratios": self.stated_ratios or "exact",
        }
        samples = None if None in each else [row for rows in each if rows is not None for row in rows]
        return identity_of("scores", self.setup, sources=samples, entry=[__name__], further=further)

    def file(self, seed: int, identity: Identity) -> Path:
        """Where the statistics of a seed are kept."""
        return self.folder / f"{self.setup.config.name}_seed{seed}_{identity.key}.npz"


def with_own(name: str, registry: Mapping[str, Any], what: str, config: Config) -> dict[str, Any]:
    """The registry, and the measure or weighting of the user's own that is asked for, under the name it was given.

    Raises:
        UserError: an unknown name, or no such function.
    """
    return {**registry, name: resolve(name, registry, what, config.source.parent)}


def results_of_others(path: Path, setup: Setup) -> str:
    """Whose results a ``similarity.json`` holds, if it is of another data set or of other tasks; "" if it is not."""
    try:
        report = read_report(path)
    except UserError:  # none, or nothing of use
        return ""
    same = (report.dataset, list(report.tasks)) == (setup.config.name, list(setup.tasks))
    return "" if same else f"{report.dataset}: {','.join(report.tasks)}"


def all_seeds(study: SimilarityStudy, watch: Stopwatch, force: bool) -> tuple[dict[int, Statistics], int]:
    """Statistics of every seed, and how many had to be made.

    Args:
        force: make them anew even where kept ones would do.
    """
    setup, seeds = study.setup, {}
    identities: dict[int, Identity] = {}
    if setup.runtime.is_main:
        with watch.stage("checking what is kept"):
            identities = {seed: study.identity([seed]) for seed in study.seeds}
            kept = {} if force else {seed: _kept(study, seed, identity) for seed, identity in identities.items()}
            seeds = {seed: statistics for seed, statistics in kept.items() if statistics is not None}
    seeds = setup.runtime.agree(seeds)
    missing = [seed for seed in study.seeds if seed not in seeds]
    total = len(missing) * study.num_batches
    with tqdm(total=total, unit="batch", disable=not (missing and setup.runtime.is_main)) as bar:
        if not all(identity.complete for identity in identities.values()):
            bar.write(f"nothing is kept for another time: {UNNAMED}", sys.stderr)
        for seed in missing:
            bar.set_description(f"seed {seed}")
            seeds[seed] = one_seed(study, seed, identities.get(seed), bar, watch)
    return {seed: seeds[seed] for seed in study.seeds}, len(missing)


def _kept(study: SimilarityStudy, seed: int, identity: Identity) -> Statistics | None:
    file = study.file(seed, identity)
    if study.save_masks and not file.with_suffix(MASKS).exists():
        return None
    return load_statistics(file, identity)


def one_seed(
    study: SimilarityStudy, seed: int, identity: Identity | None, bar: tqdm, watch: Stopwatch
) -> Statistics:
    """Score one network with every task and keep its statistics.

    Args:
        identity: None on processes other than the main one, which only score.
    """
    setup = study.setup
    with watch.stage("scoring"):
        magnitudes = partial(task_magnitudes, setup, num_batches=study.num_batches, seed=seed, bar=bar)
        net, scores = scores_at_initialisation(setup.network(seed), seed, magnitudes, setup.init)
    with watch.stage("statistics"):
        shared = list(shared_weights(net))
        ratios = keep_ratios(study, scores, shared)
        statistics = pair_statistics(scores, shared, ratios)
        if identity is not None:
            file = study.file(seed, identity)
            if study.save_masks:
                save_masks(file.with_suffix(MASKS), labelled_masks(scores, study.sparsities, ratios))
            if identity.complete:
                save_statistics(file, statistics, identity)
    return statistics


def keep_ratios(study: SimilarityStudy, scores: Mapping[str, Scores], shared: Sequence[str]) -> list[float]:
    """The keep ratio of each sparsity, solved for where that was asked for."""
    stated = study.stated_ratios
    if stated is not None:
        return stated
    network = MergedNetwork(scores, shared)
    return [network.exact_ratio(sparsity) for sparsity in study.sparsities]


def labelled_masks(
    scores: Mapping[str, Scores], sparsities: Sequence[int], ratios: Sequence[float]
) -> dict[str, Masks]:
    """Masks of every task at every sparsity, labelled "<task>/<sparsity>"."""
    return {
        f"{task}/{sparsity}": masks_above(task_scores, threshold)
        for task, task_scores in scores.items()
        for sparsity, threshold in zip(sparsities, keep_thresholds(task_scores, ratios), strict=True)
    }


def similarity_file(study: SimilarityStudy, seeds: Mapping[int, Statistics], watch: Stopwatch) -> SimilarityFile:
    """What ``similarity.json`` is to hold."""
    setup = study.setup
    with watch.stage("tables"):
        tables = similarity_tables(list(seeds.values()), study.sparsities, study.measures, study.weightings)
        rows = layer_rows(seeds, study.sparsities, study.measures)
    ratios = zip(*(statistics.keep_ratios for statistics in seeds.values()), strict=True)
    return SimilarityFile(
        dataset=setup.config.name,
        tasks=list(setup.tasks),
        sparsities=list(study.sparsities),
        keep_ratios={str(s): sum(r) / len(r) for s, r in zip(study.sparsities, ratios, strict=True)},
        num_seeds=study.num_seeds,
        num_batches=study.num_batches,
        config=setup.config.model_dump(mode="json"),
        provenance={"seed": setup.seed, **provenance(setup.runtime, watch.seconds)},
        identity=study.identity(study.seeds).model_dump(mode="json"),
        table=tables.means,
        stderr=tables.errors,
        seeds=tables.by_seed,
        layers=rows,
    )

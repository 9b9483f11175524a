"""How related are the tasks of a multi-task network? Measured at initialisation, without training it.

For each seed: SNIP scores of every task on a Xavier-initialised network, the subnetworks they single out at each
sparsity, and how alike those are, layer by layer. One pass over the data yields every measure, weighting and sparsity.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from configs import UserError, flags
from configs.paths import check_file, prepare_folder, write_text
from prune_utils.layers import Scores, shared_weights
from prune_utils.masks import MergedNetwork, keep_thresholds, masks_above, parse_keep_ratio, published_keep_ratio
from prune_utils.scores import snip_scores, xavier_copy
from relatedness.snip.measures import MEASURES
from relatedness.snip.similarity import layer_rows, similarity_tables
from relatedness.snip.statistics import Statistics, pair_statistics
from relatedness.snip.store import load_statistics, save_masks, save_statistics
from relatedness.snip.weightings import WEIGHTINGS
from reports.figures import draw_similarity
from reports.similarity import Report, parse_report
from reports.summary import PLUS_MINUS, matrix_text, ranking_text
from runtime import device
from runtime.passes import check_shared, scoring_fingerprint, task_magnitudes
from runtime.provenance import Stopwatch, provenance
from runtime.setup import Setup, prepare

SCHEMA = 1


def main() -> None:
    arguments = parse_arguments()
    setup = prepare(arguments)
    if len(setup.tasks) < 2:
        raise UserError("--tasks: similarity is between tasks; name two or more")
    check_shared(setup, arguments.num_batches)
    folder = prepare_folder(arguments.dump_dir or setup.dest / "statistics", "--dump_dir")
    watch = Stopwatch()
    seeds, fresh = all_seeds(arguments, setup, folder, watch)
    if setup.runtime.is_main:
        contents = report_contents(arguments, setup, seeds, watch)
        report = parse_report(contents, "this run")
        draw_similarity(report, setup.dest / "similarity.png", arguments.layer_method, arguments.sim_method)
        write_text(setup.dest / "similarity.json", json.dumps(contents))
        if arguments.table_json is not None:
            write_text(arguments.table_json, json.dumps(contents["table"], indent=1))
        print_report(arguments, setup, report, contents, fresh)
    device.stop()


def parse_arguments() -> argparse.Namespace:
    parser = flags.script_parser(__doc__ or "")
    add = parser.add_argument_group("similarity").add_argument
    add("--num_batches", type=flags.positive, default=5, help="batches to score with, for each seed")
    add("--num_seeds", type=flags.positive, default=5, help="networks to score: seeds --seed, --seed + 1, ...")
    add("--sparsities", type=flags.percentages, default=[30, 50, 70, 90], help="in percent, comma-separated")
    add("--sim_method", choices=list(MEASURES), default="masked_sals", help="measure to print and draw")
    add("--layer_method", choices=list(WEIGHTINGS), default="equal", help="weighting of layers to print and draw")
    add("--keep_ratio", default="published", help="published, exact (the merged network has the sparsity) or a number")
    add("--dump_dir", type=Path, help="where each seed's statistics are kept; default: statistics/ under --dest")
    add("--force_run", action="store_true", help="score again even where kept statistics would do")
    add("--save_masks", action="store_true", help="also keep every task's masks, bit-packed, in --dump_dir")
    add("--table_json", type=Path, help="also write the bare table to this file, as the published code does")
    arguments = parser.parse_args()
    arguments.keep_ratio = parse_keep_ratio(arguments.keep_ratio)
    if isinstance(arguments.keep_ratio, float) and len(arguments.sparsities) > 1:
        raise UserError("--keep_ratio: a number stands for one sparsity; name it with --sparsities, for instance 90")
    if arguments.table_json is not None:
        prepare_folder(arguments.table_json.parent, "--table_json")
        check_file(arguments.table_json, "--table_json")
    return arguments


def all_seeds(
    arguments: argparse.Namespace, setup: Setup, folder: Path, watch: Stopwatch
) -> tuple[dict[int, Statistics], int]:
    """Statistics of every seed, kept ones where there are any, and how many had to be made."""
    wanted = range(setup.seed, setup.seed + arguments.num_seeds)
    settings = [arguments.sparsities, stated_ratios(arguments, setup), arguments.save_masks]
    with watch.stage("checking what is kept"):
        files = {
            seed: folder / f"{setup.config.name}_seed{seed}_"
            f"{scoring_fingerprint(setup, arguments.num_batches, seed, settings)}.npz"
            for seed in wanted
        }
        kept = {seed: None if arguments.force_run else load_statistics(file) for seed, file in files.items()}
    seeds = setup.runtime.agree({seed: statistics for seed, statistics in kept.items() if statistics is not None})
    missing = [seed for seed in wanted if seed not in seeds]
    total = len(missing) * arguments.num_batches
    with tqdm(total=total, unit="batch", disable=not (missing and setup.runtime.is_main)) as bar:
        for seed in missing:
            bar.set_description(f"seed {seed}")
            seeds[seed] = one_seed(arguments, setup, seed, files[seed], bar, watch)
    return {seed: seeds[seed] for seed in wanted}, len(missing)


def one_seed(
    arguments: argparse.Namespace, setup: Setup, seed: int, file: Path, bar: tqdm, watch: Stopwatch
) -> Statistics:
    """Score one network with every task and keep its statistics; processes other than the main one only score."""
    with watch.stage("building networks"):
        net = xavier_copy(setup.network(seed), seed)
    with watch.stage("scoring"):
        magnitudes = task_magnitudes(setup, net, num_batches=arguments.num_batches, seed=seed, bar=bar)
    with watch.stage("statistics"):
        scores = snip_scores(net, magnitudes)
        shared = list(shared_weights(net))
        ratios = keep_ratios(arguments, setup, scores, shared)
        statistics = pair_statistics(scores, shared, ratios)
        if setup.runtime.is_main:
            if arguments.save_masks:
                save_masks(file.with_suffix(".masks.npz"), labelled_masks(scores, arguments.sparsities, ratios))
            save_statistics(file, statistics)
    return statistics


def keep_ratios(
    arguments: argparse.Namespace, setup: Setup, scores: dict[str, Scores], shared: Sequence[str]
) -> list[float]:
    """The keep ratio of each sparsity, solved for where that was asked for."""
    stated = stated_ratios(arguments, setup)
    if stated is not None:
        return stated
    network = MergedNetwork(scores, shared)
    return [network.exact_ratio(sparsity) for sparsity in arguments.sparsities]


def stated_ratios(arguments: argparse.Namespace, setup: Setup) -> list[float] | None:
    """The keep ratios that flags and settings state; None for ``exact``, which depends on the scores."""
    if isinstance(arguments.keep_ratio, float):
        return [arguments.keep_ratio]
    if arguments.keep_ratio == "exact":
        return None
    published = setup.config.scoring.keep_ratios.get("static", {})
    return [published_keep_ratio(sparsity, published) for sparsity in arguments.sparsities]


def labelled_masks(scores: dict[str, Scores], sparsities: Sequence[int], ratios: Sequence[float]) -> dict:
    """Masks of every task at every sparsity, labelled "<task>/<sparsity>"."""
    return {
        f"{task}/{sparsity}": masks_above(task_scores, threshold)
        for task, task_scores in scores.items()
        for sparsity, threshold in zip(sparsities, keep_thresholds(task_scores, ratios), strict=True)
    }


def report_contents(
    arguments: argparse.Namespace, setup: Setup, seeds: dict[int, Statistics], watch: Stopwatch
) -> dict:
    """What ``similarity.json`` holds."""
    with watch.stage("tables"):
        table, stderr = similarity_tables(list(seeds.values()), arguments.sparsities)
        rows = layer_rows(seeds, arguments.sparsities)
    ratios = zip(*(statistics.keep_ratios for statistics in seeds.values()), strict=True)
    return {
        "schema": SCHEMA,
        "dataset": setup.config.name,
        "tasks": list(setup.tasks),
        "sparsities": arguments.sparsities,
        "keep_ratios": {str(s): sum(r) / len(r) for s, r in zip(arguments.sparsities, ratios, strict=True)},
        "num_seeds": arguments.num_seeds,
        "num_batches": arguments.num_batches,
        "config": setup.config.model_dump(mode="json"),
        "provenance": {"seed": setup.seed, **provenance(setup.runtime, watch.seconds)},
        "table": table,
        "stderr": stderr,
        "layers": rows,
    }


def print_report(arguments: argparse.Namespace, setup: Setup, report: Report, contents: dict, fresh: int) -> None:
    """The matrix, the ranking of the pairs, what it cost, and where everything is."""
    chosen = (arguments.layer_method, arguments.sim_method)
    sparsities = ",".join(map(str, arguments.sparsities))
    print(f"\nSimilarity of tasks on {setup.config.name}: {chosen[1]}, layers weighted {chosen[0]}")
    over_seeds = f" and {arguments.num_seeds} seeds, {PLUS_MINUS} standard error" if arguments.num_seeds > 1 else ""
    print(f"mean over sparsities {sparsities} %{over_seeds}\n")
    print(matrix_text(report, *chosen))
    print(f"\nPairs, most similar first:\n{ranking_text(report, *chosen)}")
    print(f"\n{cost_text(arguments, setup, contents['provenance'], fresh)}")
    print(f"All {len(WEIGHTINGS) * len(MEASURES)} weightings x measures: {setup.dest / 'similarity.json'}")
    print(f"  as a table: python json2tab.py {setup.dest / 'similarity.json'}")
    print(f"Picture: {setup.dest / 'similarity.png'}")


def cost_text(arguments: argparse.Namespace, setup: Setup, cost: dict, fresh: int) -> str:
    """Seconds, passes and memory, in a line or two."""
    if not fresh:
        return f"Cost: no scoring, {arguments.num_seeds} seed(s) kept from earlier runs (--force_run scores again)."
    batches, tasks = fresh * arguments.num_batches, len(setup.tasks)
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in cost["seconds"].items())
    memory = f"{cost['peak_memory_mb'] / 1024:.1f} GiB"
    if cost["peak_device_memory_mb"] is not None:
        memory += f", {cost['peak_device_memory_mb'] / 1024:.1f} GiB on the GPU"
    return (
        f"Cost: {stages}; peak memory {memory}.\n"
        f"  {batches} batches: the backbone {batches} times forwards and {batches * tasks} times backwards, "
        f"each head {batches} times; {arguments.num_seeds - fresh} seed(s) kept from earlier runs."
    )


if __name__ == "__main__":
    flags.run_script(main)

"""How related are the tasks of a multi-task network? The published score, at initialisation, without training it.

For each seed: SNIP scores of every task on a Xavier-initialised network, the subnetworks they single out at each
sparsity, and how alike those are, layer by layer. One pass over the data yields every measure, weighting and sparsity.
"""

import argparse
import json
from pathlib import Path

from configs import UserError, flags
from configs.paths import check_file, prepare_folder, set_aside, write_text
from prune_utils.keep_ratio import parse_keep_ratio


def main() -> None:
    arguments = parse_arguments()
    from relatedness.snip.measures import MEASURES
    from relatedness.snip.running import SimilarityStudy, all_seeds, results_of_others, similarity_file, with_own
    from relatedness.snip.weightings import WEIGHTINGS
    from reports.similarity.figures import draw_similarity
    from reports.similarity.report import report_of
    from runtime import device
    from runtime.passes import check_shared
    from runtime.provenance import Stopwatch
    from runtime.setup import prepare

    setup = prepare(flags.SharedFlags.of(arguments))
    if len(setup.tasks) < 2:
        raise UserError("--tasks: similarity is between tasks; name two or more")
    check_shared(setup, arguments.num_batches)
    study = SimilarityStudy(
        setup=setup,
        num_batches=arguments.num_batches,
        num_seeds=arguments.num_seeds,
        sparsities=arguments.sparsities,
        keep_ratio=arguments.keep_ratio,
        folder=prepare_folder(arguments.dump_dir or setup.dest / "statistics", "--dump_dir"),
        save_masks=arguments.save_masks,
        measures=with_own(arguments.sim_method, MEASURES, "measure (--sim_method)", setup.config),
        weightings=with_own(arguments.layer_method, WEIGHTINGS, "weighting (--layer_method)", setup.config),
    )
    watch = Stopwatch()
    seeds, fresh = all_seeds(study, watch, arguments.force_run)
    if setup.runtime.is_main:
        file = similarity_file(study, seeds, watch)
        report, path = report_of(file, "this run"), setup.dest / "similarity.json"
        if others := results_of_others(path, setup):
            print(f"{path} held results of {others}; it is {set_aside(path)} now")
        draw_similarity(report, setup.dest / "similarity.png", arguments.layer_method, arguments.sim_method)
        file.write(path, indent=None)
        if arguments.table_json is not None:
            write_text(arguments.table_json, json.dumps(file.table, indent=1))
        print_report(arguments, report, file, fresh, setup.dest)
    device.stop()


def parse_arguments() -> argparse.Namespace:
    parser = flags.script_parser(__doc__ or "")
    add = parser.add_argument_group("similarity").add_argument
    add("--num_batches", type=flags.positive, default=5, help="batches to score with, for each seed")
    add("--num_seeds", type=flags.positive, default=5, help="networks to score: seeds --seed, --seed + 1, ...")
    add("--sparsities", type=flags.percentages, default=(30, 50, 70, 90), help="in percent, comma-separated")
    add("--sim_method", default="masked_sals",
        help="measure to print and draw: epi, iou, sals, masked_sals or your own as module:attribute")
    add("--layer_method", default="equal",
        help="weighting of layers to print and draw: equal, linear, linear_plus_one, five_zeros, av_sparsity, "
        "min_sparsity, epi_like or your own as module:attribute")
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


def print_report(arguments: argparse.Namespace, report, file, fresh: int, dest: Path) -> None:
    """The matrix, the ranking of the pairs, what it cost, and where everything is."""
    from reports.costs import scoring_text
    from reports.similarity.summary import PLUS_MINUS, matrix_text, ranking_text
    from reports.wording import counted

    chosen, seeds = (arguments.layer_method, arguments.sim_method), arguments.num_seeds
    print(f"\nSimilarity of tasks on {report.dataset}: {chosen[1]}, layers weighted {chosen[0]}")
    over_seeds = f" and {seeds} seeds, {PLUS_MINUS} standard error" if seeds > 1 else ""
    print(f"mean over sparsities {','.join(map(str, arguments.sparsities))} %{over_seeds}\n")
    print(matrix_text(report, *chosen))
    print(f"\nPairs, most similar first:\n{ranking_text(report, *chosen)}\n")
    if fresh:
        batches = fresh * arguments.num_batches
        cost = scoring_text(file.provenance, batches, len(report.tasks))
        print(f"{cost}; {counted(seeds - fresh, 'seed')} kept from earlier runs.")
    else:
        print(f"Cost: no scoring, {counted(seeds, 'seed')} kept from earlier runs (--force_run scores again).")
    print(f"All {len(file.table)} weightings x measures: {dest / 'similarity.json'}")
    print(f"  as a table: python json2tab.py {dest / 'similarity.json'}")
    print(f"Picture: {dest / 'similarity.png'}")
    print("What this is worth: it cannot tell a task's exact copy from noise, and agreed surely with measured gains in "
          "one setting of four (docs/evidence.md); task_relatedness.py asks estimators that see the targets")


if __name__ == "__main__":
    flags.run_script(main)

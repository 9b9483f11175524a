"""Which tasks help which? Several ways of estimating it without training every combination, and what each is worth.

Every estimator is measured against a floor, partners whose targets are those of other pictures, and a ceiling, an exact
twin of the task: one that cannot tell the two apart says nothing on this data, and the script says so. Estimates of
several networks give intervals; an order is called sure only where the interval of the difference excludes zero.
"""

import argparse
from pathlib import Path

from configs import UserError, flags
from configs.paths import prepare_folder
from relatedness.registry import DEFAULT, ESTIMATORS

REPLICATES, MOST_REPLICATES = 3, 20


def main() -> None:
    arguments = parse_arguments()
    from relatedness.materials.short_training import default_warmup
    from relatedness.registry import build_estimators
    from relatedness.running import make_run, report, run_all
    from relatedness.settling import run_until_settled
    from relatedness.study import Plan
    from reports.relatedness.figures import draw_relatedness
    from reports.relatedness.summary import summarise
    from runtime import device
    from runtime.provenance import Stopwatch
    from runtime.setup import prepare

    setup = prepare(flags.SharedFlags.of(arguments))
    if len(setup.tasks) < 2:
        raise UserError("--tasks: relatedness is between tasks; name two or more")
    if arguments.until_settled and arguments.no_controls:
        raise UserError("--until_settled: what is settled is told from floor and ceiling; leave out --no_controls")
    estimators = build_estimators(arguments.estimators, setup.config)
    batches = arguments.num_batches or setup.config.scoring.relatedness_batches
    plan = Plan(batches, not arguments.no_controls, arguments.warmup or default_warmup(setup))
    folder = prepare_folder(setup.dest / "relatedness")
    replicates = arguments.replicates or (MOST_REPLICATES if arguments.until_settled else REPLICATES)
    run = make_run(setup, plan, replicates, estimators, arguments.estimators is not None, folder)
    watch, settling = Stopwatch(), None
    if arguments.until_settled:
        settled = run_until_settled(run, watch, arguments.force_run, arguments.until_settled)
        run, found, fresh, identity = settled.run, settled.found, settled.fresh, settled.identity
        settling = settled.settling
    else:
        found, fresh, identity = run_all(run, watch, arguments.force_run)
    if setup.runtime.is_main:
        contents = report(run, found, identity, watch, settling)
        contents.write(setup.dest / "relatedness.json", indent=None)
        summaries = summarise(contents)
        draw_relatedness(contents, summaries, setup.dest / "relatedness.png")
        print_report(contents, summaries, fresh, setup.dest)
    device.stop()


def parse_arguments() -> argparse.Namespace:
    parser = flags.script_parser(__doc__ or "")
    add = parser.add_argument_group("relatedness").add_argument
    add("--estimators", type=flags.names_list,
        help=f"all, or some of {', '.join(ESTIMATORS)}, or your own as module:attribute; @warm after a name looks at "
        f"networks after a warm-up; default: {','.join(DEFAULT)}")
    add("--num_batches", type=flags.positive, help="batches that each network is looked at with; default: the data "
        "set's scoring.relatedness_batches")
    add("--replicates", type=flags.positive, help="networks to look at, each with batches of its own: seeds --seed, "
        f"--seed + 1, ...; with --until_settled the most of them; default: {REPLICATES}, with it {MOST_REPLICATES}")
    add("--until_settled", nargs="?", const="order", choices=("order", "grouping"), help="stop as soon as more "
        "replicates would hardly change the order of each task's partners (default), or the grouping that "
        "group_tasks.py would choose, by the estimator that is recommended by; it says which. Where no estimator "
        "tells a twin from noise, the batches of a replicate are doubled instead")
    add("--warmup", type=flags.positive, help="iterations of joint training before warm networks are looked at; "
        "default: the data set's scoring.relatedness_warmup, else 5 %% of the schedule")
    add("--no_controls", action="store_true", help="no floor and ceiling: three times as fast, but nobody knows what "
        "the values are worth")
    add("--force_run", action="store_true", help="estimate again even where kept estimates would do")
    return parser.parse_args()


def print_report(contents, summaries: list, fresh: int, dest: Path) -> None:
    """Every estimator's matrix, worth and orders, what it all cost, and where everything is."""
    from relatedness.store import kept_besides
    from reports.costs import memory_text
    from reports.relatedness.settling import settling_text
    from reports.relatedness.text import estimator_text, legend_text, recommendation_text

    controls = any(result.floor is not None for result in contents.estimators.values())
    print(f"\nRelatedness of tasks on {contents.dataset}, by {len(summaries)} estimators")
    print(legend_text(contents.replicates, controls))
    for summary in summaries:
        cost = contents.estimators[summary.label].cost
        print(f"\n{estimator_text(summary, contents.replicates, cost)}")
    for label, reason in contents.left_out.items():
        print(f"\n{label} is left out: {reason}")
    if contents.settling is not None:
        print(f"\n{settling_text(contents.settling)}")
    print(f"\n{recommendation_text(summaries)}")
    total = len(contents.estimators) * contents.replicates
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in contents.provenance["seconds"].items())
    again = " (--force_run makes them again)" if fresh < total else ""
    print(f"\nCost in all: {seconds}; peak memory {memory_text(contents.provenance)}; "
          f"{total - fresh} of {total} estimates kept from earlier runs{again}.")
    if others := kept_besides(dest / "relatedness", contents.estimators):
        print(f"Estimated by earlier calls, kept in {dest / 'relatedness'} and not in relatedness.json now: "
              f"{', '.join(others)}; name these too with --estimators to have them in it, at no cost if settings are "
              f"the same.")
    print(f"Everything, replicate by replicate: {dest / 'relatedness.json'}")
    print(f"Picture: {dest / 'relatedness.png'}")
    print("How well each agreed with measured gains: docs/evidence.md")


if __name__ == "__main__":
    flags.run_script(main)

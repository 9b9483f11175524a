"""Make the published tables of a data set: plan every run that they need, skip what is done, run the rest.

Writes tables.md and tables.json, ours beside the published numbers; the output of each run goes to logs/<run>.log.
Cut off at any moment, the same command goes on.
"""

import argparse
import os
import time
from pathlib import Path

from configs import UserError, flags
from reproduce.published import PUBLISHED_METHODS
from reproduce.tables import TABLES


def main() -> None:
    arguments = parse_arguments()
    from reproduce.execution import carry_out, verdicts
    from reproduce.listing import listing
    from reproduce.plan import Wanted, all_runs, plan_tables
    from reproduce.progress import steps_of
    from runtime import device
    from runtime.setup import prepare

    setup = prepare(flags.SharedFlags.of(arguments), make_folder=not arguments.dry_run)
    started = time.process_time()
    tables = () if arguments.table is None else (arguments.table,)
    wanted = Wanted(tables, arguments.ratio, arguments.methods, arguments.max_iters, arguments.num_seeds,
                    arguments.gains, arguments.estimators, arguments.replicates, arguments.trained_replicates,
                    arguments.learn_from)
    plans = plan_tables(wanted, setup)
    if arguments.dry_run:
        for line in listing(setup, steps_of(all_runs(plans), arguments.force), started):
            print(line)
    else:
        file = carry_out(setup, plans, arguments.force)
        for text in verdicts(file, plans):
            print(text)
        print(f"Tables: {setup.dest / 'tables.md'} and {setup.dest / 'tables.json'}")
    device.stop()


def parse_arguments() -> argparse.Namespace:
    parser = flags.script_parser(__doc__ or "")
    add = parser.add_argument_group("tables").add_argument
    add("--table", choices=TABLES, help="default: those that are published for the data set, or else all but "
        "evidence")
    add("--ratio", type=flags.percentages, default=(90,), help="sparsities of the table, in percent, comma-separated")
    add("--methods", type=flags.names_list, default=PUBLISHED_METHODS, help="methods of the table of sparse networks")
    add("--max_iters", type=flags.positive, help="iterations of every training run; default: as published")
    add("--num_seeds", type=flags.positive, default=1,
        help="seeds of every training run: --seed, --seed + 1, ...; numbers are then means with standard errors")
    add("--dry_run", action="store_true", help="list the commands and how long they will take; write nothing")
    add("--force", action="store_true", help="train anew the runs that were made with other settings")
    add = parser.add_argument_group("the table of evidence").add_argument
    add("--gains", type=Path, metavar="gains.json", help="gains that were measured before, or elsewhere; "
        "nothing is trained for them then, and the table says so")
    add("--estimators", type=flags.names_list, default=(), help="those of task_relatedness.py to judge; default: "
        "every one in each of its states")
    add("--replicates", type=flags.positive, default=8, help="networks that each estimator looks at")
    add("--trained_replicates", type=flags.positive, default=4,
        help="the same for estimators that train networks of their own, which are dear")
    add("--learn_from", type=Path, nargs="+", default=(), metavar="tables.json",
        help="evidence on other data: estimators are combined as suits that best, and the combination is judged here")
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise UserError("reproduce_tables.py starts its runs itself, one after another; call it without torchrun")
    return parser.parse_args()


if __name__ == "__main__":
    flags.run_script(main)

"""Make the published tables of a data set: plan every run that they need, skip what is done, run the rest.

Writes tables.md and tables.json, ours beside the published numbers; the output of each run goes to logs/<run>.log.
Cut off at any moment, the same command goes on. --jobs makes several runs at a time; --launcher slurm gives them to a
cluster, and the same command collects what is finished.
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
    from reproduce.listing import listing
    from reproduce.plan import Wanted, all_runs, plan_tables
    from reproduce.progress import steps_of
    from reproduce.running.cluster import Cluster, parameter
    from reproduce.running.execution import Means, carry_out, verdicts
    from reproduce.running.submission import runs_under_way, see_that_none_is_under_way, submit
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
        steps = steps_of(all_runs(plans), arguments.force)
        for line in listing(setup, steps, started, runs_under_way(setup.dest)):
            print(line)
    else:
        if arguments.launcher == "here":
            see_that_none_is_under_way(setup, plans)
            file = carry_out(setup, plans, arguments.force, Means(arguments.jobs or 1, arguments.threads), started)
        else:
            parameters = dict(map(parameter, arguments.submit))
            cluster = Cluster(arguments.launcher, arguments.jobs, arguments.threads or 1, parameters)
            file = submit(setup, plans, arguments.force, cluster, started)
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
    add("--jobs", type=flags.positive,
        help="runs at a time, one GPU each where there are several; default: 1, or all that Slurm lets run")
    add("--threads", type=flags.positive,
        help="processor threads of each run; default: all for one at a time, else they are shared out; submitted: 1")
    add("--launcher", choices=["here", "slurm", "local"], default="here",
        help="slurm: submit the runs as a job array; local: as processes of this machine that outlive the terminal")
    add("--submit", action="append", default=[], metavar="key=value",
        help="a parameter of submitit, such as slurm_partition=gpu, gpus_per_node=1 or timeout_min=600")
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

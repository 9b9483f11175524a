"""Which tasks should share a network, under a budget? From estimates of relatedness, or from measured gains.

Chooses groups of tasks so that what training together is worth to them is largest in the mean; exactly, by integer
programming. Shows beside it the next best grouping, how often the same one wins when replicates are resampled, and what
all together, all alone and random groupings are worth. Writes groups.json and groups.png.

    python group_tasks.py --budget 2
    python group_tasks.py gains.json --budget 1.5x --by multiply_adds --cover
"""

import argparse
from dataclasses import replace
from pathlib import Path

from configs import Config, UserError, flags
from configs.flags import SharedFlags
from configs.paths import prepare_folder
from configs.reading import available

BY = ("networks", "parameters", "multiply_adds")


def main() -> None:
    arguments = parse_arguments()
    shared = SharedFlags.of(arguments)
    from tqdm import tqdm

    from relatedness.grouping.choice import Choice
    from relatedness.grouping.groups import make_budget
    from relatedness.grouping.source import read_source
    from relatedness.grouping.summary import summarise
    from relatedness.grouping.values import select
    from reports.groups.figures import draw_groups
    from reports.groups.text import groups_text

    source = read_source(arguments.file or default_file(shared), arguments.estimator)
    shared = same_dataset(shared, source.dataset)
    data = select(source.data, shared.tasks or source.data.tasks)
    dest = prepare_folder(shared.dest or Path("results") / source.dataset)
    budget = make_budget(arguments.budget, costs(shared, data.tasks, arguments.by))
    choice = Choice(data, budget, arguments.cover, arguments.max_size, shared.seed)
    with tqdm(total=choice.resamples, unit="resampling", leave=False, disable=not choice.resamples) as bar:
        found = summarise(choice, source, arguments.by, bar.update)
    missing = []
    if arguments.branch:
        found, missing = with_branches(found, source, shared, dest)
    found.write(dest / "groups.json")
    draw_groups(found, dest / "groups.png")
    print(groups_text(found))
    print(next_steps(found, shared, missing))
    print(f"\nEverything: {dest / 'groups.json'}\nPicture: {dest / 'groups.png'}")


def parse_arguments() -> argparse.Namespace:
    parser = flags.script_parser(__doc__ or "")
    add = parser.add_argument_group("groups").add_argument
    add("file", nargs="?", type=Path, metavar="relatedness.json|gains.json",
        help="estimates or measured gains; default: relatedness.json in the folder for results")
    add("--estimator", help="whose values count; default: the first that can tell a task's twin from noise")
    add("--budget", help="what all networks may cost together: a number, or a multiple of one network for all tasks, "
        "such as 1.5x; default: as much as every task alone")
    add("--by", default="networks", choices=BY, help="what the budget counts; multiply-adds are those for a test image")
    add("--cover", action="store_true", help="a task may be trained in further networks too, to help others there")
    add("--max_size", type=flags.positive, help="most tasks in a group; default: no limit up to 12 tasks, else 3")
    add("--branch", action="store_true", help="say where in the backbone the tasks of a group should part")
    return parser.parse_args()


def default_file(shared: SharedFlags) -> Path:
    return shared.destination(shared.settings(all_tasks=True)) / "relatedness.json"


def same_dataset(shared: SharedFlags, dataset: str) -> SharedFlags:
    """The flags with the file's data set, if none was named; else the two have to be the same."""
    if shared.dataset == SharedFlags.dataset:
        return replace(shared, dataset=dataset)
    name = shared.settings(all_tasks=True).name
    if name != dataset:
        raise UserError(f"--dataset: {name}, but the values are of {dataset}; name that one, or another file")
    return shared


def settings(shared: SharedFlags, tasks: tuple[str, ...]) -> Config:
    """The settings of the network for these tasks."""
    return replace(shared, tasks=tasks).settings()


def costs(shared: SharedFlags, tasks: tuple[str, ...], by: str):
    """What a backbone and each head count; torch is only needed to count real ones."""
    import numpy as np

    if by == "networks":
        return 1.0, np.zeros(len(tasks))
    from relatedness.grouping.costs import parts_cost

    return parts_cost(settings(shared, tasks), by)


def with_branches(found, source, shared: SharedFlags, dest: Path):
    """The grouping with where its groups should part, and the groups of which no file says it."""
    from relatedness.grouping.branching import branches, layer_sources

    sources = layer_sources(source.detail, source.name, source.data.tasks, dest)
    groups = [group.tasks for group in found.groups if len(group.tasks) > 1]
    parts = branches(groups, sources, settings(shared, tuple(found.tasks)))
    known = [branch.tasks for branch in parts]
    return found.model_copy(update={"branches": parts}), [group for group in groups if group not in known]


def next_steps(found, shared: SharedFlags, missing: list[list[str]]) -> str:
    """The commands that train the chosen groups, and what to run where nothing is known by layer."""
    lines = []
    if missing:
        names, command = ", ".join(map("+".join, missing)), shared.command("static_similarity.py")
        lines.append(f"--branch: nothing is known by layer of {names}; first run: {command}")
    speaks = bool(found.evidence.supported)
    lines.append("\nTrain them:" if speaks else "\nTo train them all the same, for which nothing speaks:")
    for group in found.groups:
        lines.append("  " + replace(shared, tasks=tuple(group.tasks)).command("launch_training.py"))
    if shared.dataset == found.dataset and found.dataset not in available():
        lines.append(f"  (for --dataset, name the YAML file of '{found.dataset}')")
    return "\n".join(lines)


if __name__ == "__main__":
    flags.run_script(main)

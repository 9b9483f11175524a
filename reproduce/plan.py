"""Which runs the tables of a data set need, and in which order."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from configs import UserError
from prune_utils.sparsifiers.registry import SPARSIFIERS
from relatedness.snip.running import SimilarityStudy
from reports.similarity.file import SimilarityFile
from reproduce.planned import AnyRun, PlannedStudy, PlannedTraining, Seeds
from reproduce.published import PUBLISHED_METHODS, PaperSettings, paper_settings, published_tables
from reproduce.tables import TABLES, find_table
from runtime.setup import Setup
from tasks import build_tasks
from training.job import make_job
from training.names import BASELINE

SPARSITIES = (30, 50, 70, 90)
"""Of a similarity report, in percent."""


@dataclass(frozen=True)
class Wanted:
    """What the user asks for.

    Attributes:
        tables: names of tables; none: the published ones, or all that are possible where nothing is published.
        ratios: sparsities in percent.
        methods: of the sparsity table.
        max_iters: of every training run; None: those of the settings.
        num_seeds: of every training run.
        gains: a file of measured gains, in place of training for the table of evidence.
        estimators: of relatedness, for the table of evidence; none: every one in each of its states.
        replicates, trained_replicates: of these, and of those of them that train networks of their own.
        learn_from: tables.json of other data sets, with the evidence by which estimators are combined.
    """

    tables: Sequence[str] = ()
    ratios: Sequence[int] = (90,)
    methods: Sequence[str] = PUBLISHED_METHODS
    max_iters: int | None = None
    num_seeds: int = 1
    gains: Path | None = None
    estimators: Sequence[str] = ()
    replicates: int = 8
    trained_replicates: int = 4
    learn_from: Sequence[Path] = ()


@dataclass(frozen=True)
class TablePlan:
    """What one table needs.

    Attributes:
        table: its name.
        setup: settings, tasks and folder that its training runs share.
        paper: what the published table was made with.
        studies: come first.
        rows: networks, each in an order in which it comes after what it needs.
        measured: seed and tasks of the networks whose numbers are known, so that they need no training.
    """

    table: str
    setup: Setup
    paper: PaperSettings
    wanted: Wanted
    studies: Sequence[PlannedStudy] = ()
    rows: Sequence[Seeds] = ()
    measured: Collection[tuple[int, frozenset[str]]] = ()

    @property
    def runs(self) -> list[PlannedTraining]:
        """The networks to train; a seed is finished before the next begins, so that there is a whole table early."""
        every = [run for seed in zip(*self.rows, strict=True) for run in seed]
        return [run for run in every if (run.setup.seed, frozenset(run.tasks)) not in self.measured]

    def seeds_of(self, method: str, ratio: int, tasks: Sequence[str]) -> Seeds:
        """A network of the table, once for each seed."""
        return tuple(
            self._run(with_tasks(setup, tasks), method, ratio) for setup in _setups(self.setup, self.wanted.num_seeds)
        )

    def _run(self, setup: Setup, method: str, ratio: int) -> PlannedTraining:
        job = make_job(setup, method, ratio, self.wanted.max_iters)
        trained = job.sparsifier is not None and job.sparsifier.trained
        return PlannedTraining(job, self.wanted.max_iters, self._run(setup, BASELINE, 0) if trained else None)


def plan_tables(wanted: Wanted, base: Setup) -> list[TablePlan]:
    """A plan for each table.

    Runs of a published table with settings of its own lie in a folder of the table's name, so that a run of other
    settings never takes their names; all others lie in the base's folder and are shared. The first seed lies there
    itself, every other one in a folder ``seed_<number>`` in it.

    Args:
        base: what the shared flags say, with the folder of the whole.

    Raises:
        UserError: an unknown method; a table of pairs where there is one task only.
    """
    known = [BASELINE, *SPARSIFIERS]
    unknown = [method for method in wanted.methods if method not in known and ":" not in method]
    if unknown or not wanted.methods:
        raise UserError(f"--methods: unknown method '{', '.join(unknown)}'; choose from {', '.join(known)}")
    names = wanted.tables or published_tables(base.config.name)
    tables = [find_table(name) for name in names or TABLES]
    if not names:
        tables = [table for table in tables if table.usual and (not table.of_pairs or len(base.tasks) > 1)]
    return [table.plan(wanted, base) for table in tables]


def all_runs(plans: Iterable[TablePlan]) -> list[AnyRun]:
    """The runs of several tables, each once, in an order in which each comes after what it needs."""
    plans = list(plans)
    studies: list[AnyRun] = [study for plan in plans for study in plan.studies]
    found: dict[tuple[Path, str], AnyRun] = {}
    for run in [*studies, *(run for plan in plans for run in plan.runs)]:
        found.setdefault((run.setup.dest, run.name), run)
    return list(found.values())


def planned_similarity(base: Setup) -> PlannedStudy:
    """Scores at initialisation, with the settings of the published table of similarities where there is one."""
    paper = paper_settings(base.config.name, "similarity")
    setup, counts = table_setup("similarity", paper, base), (paper.num_batches, paper.num_seeds, SPARSITIES)
    study = SimilarityStudy(setup, *counts, keep_ratio="published", folder=setup.dest)
    words = ["--num_batches", f"{study.num_batches}", "--num_seeds", f"{study.num_seeds}"]
    words += ["--sparsities", ",".join(map(str, SPARSITIES))]
    return PlannedStudy(
        setup,
        name="similarity",
        path=setup.dest / "similarity.json",
        kind=SimilarityFile,
        batches=study.num_batches * study.num_seeds,
        words=("static_similarity.py", *words),
        identify=lambda: study.identity(study.seeds),
    )


def table_setup(table: str, paper: PaperSettings, base: Setup) -> Setup:
    """The setup of a table's runs; the user's --tasks and --set come before the paper's."""
    names = tuple(base.tasks)
    if base.flags.tasks is None and set(paper.tasks) <= set(names):
        names = paper.tasks or names
    dest = base.dest / table if paper.special else base.dest
    overrides = (*paper.overrides, *base.flags.overrides)
    flags = replace(base.flags, overrides=overrides, tasks=None, dest=dest if paper.special else base.flags.dest)
    config = flags.settings()
    config = config.model_copy(update={"data": config.data.model_copy(update={"root": base.config.data.root})})
    tasks = build_tasks(config.select_tasks(list(base.tasks)), base.config.data.root)
    return with_tasks(replace(base, config=config, tasks=tasks, dest=dest, flags=flags), names)


def with_tasks(setup: Setup, names: Sequence[str]) -> Setup:
    """The setup with only these tasks; no flag where they are all of the data set."""
    flags = replace(setup.flags, tasks=None if list(names) == list(setup.known_tasks) else tuple(names))
    config = setup.config.select_tasks(names)
    return replace(setup, config=config, tasks={name: setup.tasks[name] for name in names}, flags=flags)


def _setups(setup: Setup, num_seeds: int) -> Iterator[Setup]:
    """The setup for each seed."""
    yield setup
    for seed in range(setup.seed + 1, setup.seed + num_seeds):
        dest = setup.dest / f"seed_{seed}"
        yield replace(setup, dest=dest, flags=replace(setup.flags, seed=seed, dest=dest))

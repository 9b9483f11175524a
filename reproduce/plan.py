"""Which runs the published tables of a data set need, and the commands that make them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from configs import UserError
from prune_utils.sparsifiers.registry import SPARSIFIERS, find_sparsifier
from reproduce.published import TABLES, PaperSettings, paper_settings, published_tables
from reproduce.runs import AnyRun, SimilarityRun, TrainingRun
from runtime.setup import Setup
from tasks import build_tasks
from training.job import make_job
from training.names import BASELINE

PUBLISHED_METHODS = [BASELINE, "disparse_static", "disparse_dynamic", "disparse_pt"]


@dataclass(frozen=True)
class Wanted:
    """What the user asks for.

    Attributes:
        tables: names of tables; none: the published ones, or all where nothing is published.
        ratios: sparsities in percent.
        methods: of the sparsity table.
        max_iters: of every training run; None: those of the settings.
    """

    tables: Sequence[str] = ()
    ratios: Sequence[int] = (90,)
    methods: Sequence[str] = tuple(PUBLISHED_METHODS)
    max_iters: int | None = None


@dataclass(frozen=True)
class TablePlan:
    """What one table needs.

    Attributes:
        table: one of ``TABLES``.
        setup: settings, tasks and folder that its training runs share.
        paper: what the published table was made with.
        max_iters: of every training run; None: those of the settings.
        similarity: comes first, where the table needs it.
        runs: in an order in which each comes after what it needs.
    """

    table: str
    setup: Setup
    paper: PaperSettings
    max_iters: int | None
    similarity: SimilarityRun | None
    runs: list[TrainingRun]


def plan_tables(wanted: Wanted, base: Setup) -> list[TablePlan]:
    """A plan for each table.

    Runs of a published table with settings of its own lie in a folder of the table's name, so that a run of other
    settings never takes their names; all others lie in the base's folder and are shared.

    Args:
        base: what the shared flags say, with the folder of the whole.

    Raises:
        UserError: an unknown method; a table of pairs where there is one task only.
    """
    known = [BASELINE, *SPARSIFIERS]
    unknown = [method for method in wanted.methods if method not in known]
    if unknown or not wanted.methods:
        raise UserError(f"--methods: unknown method '{', '.join(unknown)}'; choose from {', '.join(known)}")
    tables = wanted.tables or published_tables(base.config.name) or _possible(base)
    return [_plan_table(table, wanted, base) for table in tables]


def all_runs(plans: Iterable[TablePlan]) -> list[AnyRun]:
    """The runs of several tables, each once, in an order in which each comes after what it needs."""
    runs: dict[tuple[Path, str], AnyRun] = {}
    plans = list(plans)
    for plan in plans:
        if plan.similarity is not None:
            runs.setdefault((plan.similarity.setup.dest, plan.similarity.name), plan.similarity)
    for plan in plans:
        for run in plan.runs:
            runs.setdefault((run.job.setup.dest, run.name), run)
    return list(runs.values())


def _possible(base: Setup) -> list[str]:
    return list(TABLES) if len(base.tasks) > 1 else ["sparsity"]


def _plan_table(table: str, wanted: Wanted, base: Setup) -> TablePlan:
    paper = paper_settings(base.config.name, table)
    setup = _table_setup(table, paper, base)
    plan = TablePlan(table, setup, paper, wanted.max_iters, None, [])
    if table == "sparsity":
        return replace(plan, runs=_sparsity_runs(plan, wanted))
    if len(setup.tasks) < 2:
        raise UserError(f"--table {table}: it is about pairs of tasks; name two or more with --tasks")
    similarity = _similarity_run(base)
    runs = _cotraining_runs(plan) if table == "cotraining" else []
    return replace(plan, similarity=similarity, runs=runs)


def _table_setup(table: str, paper: PaperSettings, base: Setup) -> Setup:
    """The setup of a table's training runs; the user's --tasks and --set come before the paper's."""
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


def _similarity_run(base: Setup) -> SimilarityRun:
    paper = paper_settings(base.config.name, "similarity")
    return SimilarityRun(_table_setup("similarity", paper, base), paper.num_batches, paper.num_seeds)


def _cotraining_runs(plan: TablePlan) -> list[TrainingRun]:
    """Every task alone, then every pair."""
    names = list(plan.setup.tasks)
    groups = [*((name,) for name in names), *combinations(names, 2)]
    return [_training_run(plan, BASELINE, 0, group) for group in groups]


def _sparsity_runs(plan: TablePlan, wanted: Wanted) -> list[TrainingRun]:
    """The dense network first, if it is in the table or pruned from; then every method, sparsity by sparsity."""
    names = list(plan.setup.tasks)
    methods = [method for method in dict.fromkeys(wanted.methods) if method != BASELINE]
    baseline = _training_run(plan, BASELINE, 0, names)
    sparse = [
        _training_run(plan, method, ratio, names, baseline if _needs_trained(plan, method) else None)
        for ratio in wanted.ratios
        for method in methods
    ]
    needed = BASELINE in wanted.methods or any(run.source is not None for run in sparse)
    return [baseline, *sparse] if needed else sparse


def _training_run(
    plan: TablePlan, method: str, ratio: int, tasks: Sequence[str], source: TrainingRun | None = None
) -> TrainingRun:
    job = make_job(with_tasks(plan.setup, tasks), method, ratio, plan.max_iters)
    return TrainingRun(job, plan.max_iters, plan.paper.criteria.get(method), source)


def _needs_trained(plan: TablePlan, method: str) -> bool:
    return find_sparsifier(method, plan.setup.config).trained

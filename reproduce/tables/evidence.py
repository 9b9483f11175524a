"""What every estimator of relatedness is worth: its scores against the gains that training together really brings."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import ClassVar

from configs import UserError
from relatedness.evidence.judging import judge
from reports.evidence.figures import draw_evidence
from reports.evidence.file import EvidenceSection, Judgement
from reports.evidence.text import evidence_text, verdict_text
from reports.gains import GainsFile
from reports.relatedness.file import RelatednessFile
from reports.tables_file import Section, TablesFile
from reproduce.estimates import planned_estimates, warmup_of
from reproduce.gains import content_hash, gains_file, given_gains, kept_runs, measured_runs
from reproduce.page import head
from reproduce.plan import TablePlan, Wanted
from reproduce.planned import PlannedStudy, Seeds
from reproduce.progress import results_of
from reproduce.tables.base import Table, table_settings
from runtime.setup import Setup
from training.names import BASELINE

PICTURE = "evidence.png"


class EvidenceTable(Table[EvidenceSection]):
    """Every task alone and with each partner; and the estimates of the same settings, held against what that gained."""

    name = "evidence"
    kind: ClassVar = EvidenceSection
    of_pairs = True
    usual = False

    def plan(self, wanted: Wanted, base: Setup) -> TablePlan:
        plan = super().plan(wanted, base)
        _teachers(wanted)  # what is wrong with them, or with given gains, is said before any work
        if wanted.gains is not None:
            given_gains(wanted.gains, plan.setup.tasks)
            return plan
        return replace(plan, measured=frozenset(kept_runs(plan)))

    def studies(self, wanted: Wanted, base: Setup) -> list[PlannedStudy]:
        return planned_estimates(wanted, base)

    def rows(self, plan: TablePlan) -> Sequence[Seeds]:
        if plan.wanted.gains is not None:
            return []
        names = list(plan.setup.tasks)
        groups = [*((name,) for name in names), *combinations(names, 2)]
        return [plan.seeds_of(BASELINE, 0, group) for group in groups]

    def fill(self, plan: TablePlan, before: Section | None) -> EvidenceSection:
        """As ``Table.fill``; what was measured since goes into ``gains.json`` first."""
        gains, finished, planned = _gains(plan)
        files = [file for file in map(results_of, plan.studies) if isinstance(file, RelatednessFile)]
        estimators = {label: found for file in files for label, found in file.estimators.items()}
        given, judgement = plan.wanted.gains, None
        if gains is not None and _has_every_pair(gains):
            judgement = judge(gains, estimators, _teachers(plan.wanted))
        return EvidenceSection(
            settings=table_settings(plan),
            metric=gains.metric if gains else {},
            higher_is_better=gains.higher_is_better if gains else {},
            gains_file=f"{given}, sha256 {content_hash(given)}" if given else None,
            finished=finished,
            planned=planned,
            estimated=len(files) == len(plan.studies),
            num_batches=plan.setup.config.scoring.relatedness_batches,
            warmup=warmup_of(plan.wanted, plan.setup),
            left_out={label: reason for file in files for label, reason in file.left_out.items()},
            judgement=judgement,
        )

    def text(self, section: EvidenceSection) -> str:
        return f"{head('Evidence: what each estimator of relatedness is worth', section.settings, None)}\n" + (
            evidence_text(section)
        )

    def draw(self, section: EvidenceSection, folder: Path) -> None:
        if section.judgement is not None and section.judgement.scores:
            draw_evidence({section.settings.config["name"]: section.judgement}, folder / PICTURE)

    def verdict(self, section: EvidenceSection) -> str:
        return verdict_text(section)


def _gains(plan: TablePlan) -> tuple[GainsFile | None, int, int]:
    """The gains of the plan's seeds (None: none yet), how many runs they have, and how many there are to be."""
    if plan.wanted.gains is not None:
        file = given_gains(plan.wanted.gains, plan.setup.tasks)
        return file, len(file.runs), len(file.runs)
    known, seeds = measured_runs(plan), {run.setup.seed for row in plan.rows for run in row}
    wanted = {place: run for place, run in known.items() if place[0] in seeds}
    planned = sum(len(row) for row in plan.rows)
    return (gains_file(plan, wanted) if wanted else None), len(wanted), planned


def _teachers(wanted: Wanted) -> dict[str, Judgement]:
    """The evidence on other data sets, by their names.

    Raises:
        UserError: a file has none.
    """
    found = {}
    for path in wanted.learn_from:
        file = TablesFile.read(path)
        section = file.tables["evidence"].as_kind(EvidenceSection) if "evidence" in file.tables else None
        if section is None or section.judgement is None:
            raise UserError(f"--learn_from: {path} has no evidence yet; reproduce_tables.py --table evidence makes it")
        found[file.dataset] = section.judgement
    return found


def _has_every_pair(gains: GainsFile) -> bool:
    """Whether each task was trained alone, and each pair, with one seed at least."""
    known = {frozenset(run.tasks) for run in gains.runs}
    return all(frozenset(group) in known for size in (1, 2) for group in combinations(gains.tasks, size))

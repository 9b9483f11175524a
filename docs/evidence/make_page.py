"""Make docs/evidence.md's tables and its picture: judge all estimators on all settings by the gains measured before.

    python -m docs.evidence.make_page --data_root NYUV2 --dest out

NYUV2 is the folder with nyu_v2_3task.json. Each setting is one `reproduce_tables.py --table evidence`, which is
printed, and then another one that adds the combination fitted on the other data set; estimates made before are kept.
"""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from configs import UserError, flags
from configs.paths import write_text
from reports.evidence.figures import draw_evidence
from reports.evidence.file import EvidenceSection, Judgement, Score
from reports.evidence.text import cost_text, evidence_text, looked_at, number, ranked, spread_text
from reports.tables import markdown
from reports.tables_file import TablesFile

FOLDER = Path(__file__).parent
PAGE, PICTURE, GAINS = FOLDER.parent / "evidence.md", FOLDER.parents[1] / "Figs" / "evidence.png", FOLDER / "gains"
BEGIN, END = "<!-- made by docs/evidence/make_page.py: begin -->", "<!-- made by docs/evidence/make_page.py: end -->"
SETTINGS = {
    "nyuv2_five": "NYUv2, plain weights",
    "sample_five": "rooms, plain weights",
    "nyuv2_five_equal": "NYUv2, equal lengths",
    "sample_five_equal": "rooms, equal lengths",
}
KINDS = {
    "plain loss weights": ("nyuv2_five", "sample_five"),
    "gradients of equal lengths": ("nyuv2_five_equal", "sample_five_equal"),
}
OTHER = {
    "nyuv2_five": "sample_five", "sample_five": "nyuv2_five",
    "nyuv2_five_equal": "sample_five_equal", "sample_five_equal": "nyuv2_five_equal",
}  # fmt: skip
"""Where a combination is fitted that is judged on a setting."""
DEPTHS = (0.25, 0.5, 0.75)
ESTIMATORS = (
    "snip", "labels", "gradient_cosine", "first_order", "joint_alignment@init", "dominance@init", "readout",
    *(f"readout+depth={depth}" for depth in DEPTHS), "readout+readable=true",
    *(f"readout+depth={depth}+readable=true" for depth in DEPTHS),
    "gradient_cosine+head=closed_form", "first_order+head=closed_form",
    "gradient_cosine@warm", "first_order@warm", "joint_alignment", "dominance", "readout@warm",
    *(f"readout+depth={depth}@warm" for depth in DEPTHS), "readout+readable=true@warm",
    "gradient_cosine+head=closed_form@warm", "first_order+head=closed_form@warm",
    "tag+step=0.001", "tag", "probe", "short_cotraining",
)  # fmt: skip


def main() -> None:
    arguments = parse_arguments()
    for taught in (False, True):
        for name in SETTINGS:
            words = command(arguments, name, taught)
            print(f"$ python {shlex.join(words)}", flush=True)
            if subprocess.run([sys.executable, *words]).returncode:
                raise UserError(f"`python {shlex.join(words)}` failed; see what it says above")
    sections = {name: read_section(arguments.dest / name / "tables.json") for name in SETTINGS}
    judgements = {name: section.judgement for name, section in sections.items() if section.judgement is not None}
    draw_evidence({SETTINGS[name]: with_shared_rows(judgement) for name, judgement in judgements.items()}, PICTURE)
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    write_text(PAGE, f"{before}{BEGIN}\n\n{block(sections, judgements)}\n{END}{after}")
    print(f"Page: {PAGE}\nPicture: {PICTURE}")


def parse_arguments() -> argparse.Namespace:
    parser = flags.Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_root", type=Path, required=True, help="folder of NYUv2")
    parser.add_argument("--dest", type=Path, default=Path("results/evidence"), help="where results go")
    parser.add_argument("--replicates", type=flags.positive, default=8)
    parser.add_argument("--trained_replicates", type=flags.positive, default=4)
    return parser.parse_args()


def command(arguments: argparse.Namespace, name: str, taught: bool) -> list[str]:
    """The command of a setting, as the page names it."""
    words = ["reproduce_tables.py", "--table", "evidence", "--dataset", f"docs/evidence/{name}.yaml"]
    if name.startswith("nyuv2"):
        words += ["--data_root", f"{arguments.data_root}"]
    words += ["--gains", f"docs/evidence/gains/{name}.json", "--estimators", ",".join(ESTIMATORS)]
    words += ["--replicates", f"{arguments.replicates}", "--trained_replicates", f"{arguments.trained_replicates}"]
    words += ["--device", "cpu", "--num_workers", "0", "--dest", f"{arguments.dest / name}"]
    return [*words, "--learn_from", f"{arguments.dest / OTHER[name] / 'tables.json'}"] if taught else words


def read_section(path: Path) -> EvidenceSection:
    """The evidence in a ``tables.json``."""
    section = TablesFile.read(path).tables["evidence"].as_kind(EvidenceSection)
    if section is None or section.judgement is None:
        raise UserError(f"{path}: no evidence in it; delete the file and run this again")
    return section


def block(sections: dict[str, EvidenceSection], judgements: dict[str, Judgement]) -> str:
    """What is made of the results: the table of all settings, then every number of each."""
    picture = "![agreement of each estimator with the gains, and its cost](../Figs/evidence.png)\n"
    parts = [goal_text(judgements), overview(judgements), picture]
    for name, section in sections.items():
        parts += [f"### {SETTINGS[name]} (`docs/evidence/{name}.yaml`)\n", evidence_text(section)]
    return "\n".join(parts)


def goal_text(judgements: dict[str, Judgement]) -> str:
    """Which estimators reach the goal on both data sets, with either kind of weights."""
    lines = []
    for kind, names in KINDS.items():
        reached = [
            {row_of(score.label) for score in judgements[name].scores if judgements[name].reaches_goal(score)}
            for name in names
        ]
        both = ", ".join(f"`{label}`" for label in sorted(reached[0] & reached[1])) or "none"
        counts = f"{len(reached[0])} reach it on NYUv2, {len(reached[1])} on the rooms"
        lines.append(f"- With {kind} the goal is reached on both data sets by: {both} ({counts}).")
    return "\n".join(lines) + "\n"


def overview(judgements: dict[str, Judgement]) -> str:
    """One row for each score, two columns for each setting: agreement within tasks, and regret."""
    found: dict[str, dict[str, Score]] = {}
    for name, judgement in judgements.items():
        for score in judgement.scores:
            found.setdefault(row_of(score.label), {})[name] = score
    order = sorted(found, key=lambda label: -mean_within(list(found[label].values())))
    rows = {label: cells_of(found[label], judgements) for label in order}
    rows["**the gains' reliability** (halves; all seeds)"] = ["", "", *(
        cell for judgement in judgements.values()
        for cell in (f"{number(judgement.reliability.half)}; {number(judgement.reliability.full)}", "")
    )]  # fmt: skip
    for title, other in (("a random partition", "random"), ("all tasks together", "all_together")):
        rows[f"**{title}**"] = ["", "", *(cell for j in judgements.values() for cell in ("", regret_of(j, other)))]
    rows["**mean of both directions of the gains**"] = ["", "", *(
        cell for judgement in judgements.values() for cell in (number(judgement.reliability.symmetric), "")
    )]  # fmt: skip
    columns = [("", "looks at"), ("", "cost %")]
    columns += [(SETTINGS[name], part) for name in judgements for part in ("within tasks", "regret %")]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=pd.MultiIndex.from_tuples(columns))
    return markdown(frame.rename_axis("score")).replace("\\*\\*", "**")


def regret_of(judgement: Judgement, other: str) -> str:
    """By how much another partition of the gains' own falls short of the best, in percent."""
    values = judgement.groupings
    found = None if values is None else getattr(values, other)
    return "" if values is None or values.best is None or found is None else f"{100 * (values.best - found):.2f}"


def row_of(label: str) -> str:
    """Combinations of all settings share a row."""
    return "combination fitted on the other data" if label.startswith("combination") else label


def with_shared_rows(judgement: Judgement) -> Judgement:
    scores = [score.model_copy(update={"label": row_of(score.label)}) for score in judgement.scores]
    return judgement.model_copy(update={"scores": scores})


def mean_within(scores: Sequence[Score]) -> float:
    values = [score.within.value for score in scores if score.within.value is not None]
    return sum(values) / len(values) if values else -2.0


def cells_of(scores: dict[str, Score], judgements: dict[str, Judgement]) -> list[str]:
    """A row: what it looks at, its cost, and for each setting two cells; in bold what reaches the goal there."""
    any_score = ranked(list(scores.values()))[0]
    cells = [looked_at(any_score), cost_text(max(scores.values(), key=lambda score: score.cost or 0.0))]
    for name, judgement in judgements.items():
        score = scores.get(name)
        if score is None:
            cells += ["", ""]
            continue
        within = spread_text(score.within)
        cells.append(f"**{within}**" if judgement.reaches_goal(score) else within)
        cells.append("" if score.regret is None or score.regret.value is None else f"{100 * score.regret.value:.2f}")
    return cells


if __name__ == "__main__":
    flags.run_script(main)

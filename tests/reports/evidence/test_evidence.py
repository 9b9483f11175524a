"""What the evidence says in words and in a picture, from scores worked out by hand."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_evidence import GAINS, TASKS, estimate, gains_file

from relatedness.evidence.judging import judge
from reports.evidence.figures import draw_evidence
from reports.evidence.file import EvidenceSection, Judgement, Spread
from reports.evidence.text import evidence_text, ranked, spread_text, verdict_text
from reports.tables_file import TableSettings

TURNED = np.where(np.arange(3)[:, None] == 2, -GAINS, GAINS)
SETTINGS = TableSettings.model_validate({
    "tasks": TASKS, "max_iters": None, "set": [], "paper_set": [], "seed": 0, "precision": "fp32",
    "config": {"name": "three"},
})  # fmt: skip


@pytest.fixture
def judgement() -> Judgement:
    estimators = {"fair": estimate(TURNED, TURNED), "good": estimate(GAINS, GAINS), "bad": estimate(-GAINS, -GAINS)}
    return judge(gains_file([GAINS, GAINS]), estimators)


def section(judgement: Judgement | None, **changes: object) -> EvidenceSection:
    content = {
        "settings": SETTINGS,
        "metric": dict.fromkeys(TASKS, "err"),
        "higher_is_better": dict.fromkeys(TASKS, False),
        "gains_file": None,
        "finished": 12,
        "planned": 12,
        "estimated": True,
        "num_batches": 5,
        "warmup": 12,
        "left_out": {},
        "judgement": judgement,
    }
    return EvidenceSection.model_validate({**content, **changes})


def test_scores_stand_in_order_with_intervals_costs_and_the_goal(judgement: Judgement) -> None:
    text = evidence_text(section(judgement))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    heading, good, fair, *others = [row for row in rows if len(row) == len(rows[0]) and not row[0].startswith("-")]
    assert heading == ["score", "replicates", "looks at", "within tasks", "chance", "median gains", "all pairs",
                       "regret %", "cost %", "goal"]  # fmt: skip
    assert good == ["good", "2", "init", "1.00 (1.00 to 1.00)", "0.50", "1.00 (1.00 to 1.00)", "1.00 (1.00 to 1.00)",
                    "0.00 (0.00 to 0.00)", "2.5", "reached"]  # fmt: skip
    assert fair[0] == "fair" and fair[3] == "0.33 (0.33 to 0.33)" and fair[-1] == ""
    assert {row[0] for row in others} == {"bad", "partner's mean", "target's mean"}
    assert others[-1][:4] == ["target's mean", "", "the gains", "n/a"], "what says nothing of partners comes last"


def test_the_limits_are_said(judgement: Judgement) -> None:
    text = evidence_text(section(judgement))
    for words in ("over 2 seeds", "agree by 1.00", "the best that was found 0.33", "(a+b+c) +13.33 %",
                  "a random one +10.00 %", "+30.0 ±0.0 (+30.0)", "6 of 6 gains are surely", "(120)"):  # fmt: skip
        assert words in text, words


def test_gains_have_intervals_and_it_is_said_how_many_are_surely_not_zero() -> None:
    shaky = np.where(np.arange(3)[:, None] == 2, -GAINS, GAINS)  # of the third task: one seed says so, one the opposite
    text = evidence_text(section(judge(gains_file([GAINS, 1.02 * shaky]), {"good": estimate(GAINS, GAINS)})))
    assert "+30.3 ±3.8 (+30.3)" in text, "Student's t of two seeds: 12.706 times half their difference"
    assert "4 of 6 gains are surely other than zero" in text


def test_what_is_missing_is_said(judgement: Judgement) -> None:
    text = evidence_text(section(None, finished=3, estimated=False))
    for words in ("9 of 12 training runs are not finished", "estimates are not finished", "Nothing can be judged yet"):
        assert words in text, words
    given = evidence_text(section(judgement, gains_file="gains.json, sha256 abc", left_out={"probe": "no numbers"}))
    assert "taken from gains.json, sha256 abc; nothing was trained" in given
    assert "probe is left out: no numbers" in given
    assert "3 of 12 runs" in verdict_text(section(None, finished=3))


def test_the_verdict_names_what_reaches_the_goal_or_that_nothing_does(judgement: Judgement) -> None:
    assert "Of 3 estimators, the goal is reached by good 1.00" in verdict_text(section(judgement))
    poor = judge(gains_file([GAINS, GAINS]), {"bad": estimate(-GAINS, -GAINS)})
    assert "No estimator reaches the goal; the one that agrees most with the gains is bad, -1.00" in verdict_text(
        section(poor)
    )
    assert "no estimates" in verdict_text(section(judge(gains_file(), {})))


def test_a_section_is_read_as_it_was_written(judgement: Judgement) -> None:
    written = section(judgement)
    again = EvidenceSection.model_validate_json(written.model_dump_json(by_alias=True))
    assert evidence_text(again) == evidence_text(written)
    assert [score.label for score in ranked(again.judgement.scores)][:2] == ["good", "fair"]


def test_spreads() -> None:
    assert spread_text(Spread(value=None)) == "n/a" and spread_text(Spread(value=-0.001)) == "0.00"
    assert spread_text(Spread(value=0.5, low=-0.1, high=0.9), 100) == "50.00 (-10.00 to 90.00)"


def test_the_picture_has_a_panel_for_each_data_set(judgement: Judgement, tmp_path: Path) -> None:
    widths = []
    for names in (["one"], ["one", "two"]):
        path = tmp_path / f"{len(names)}.png"
        draw_evidence(dict.fromkeys(names, judgement), path)
        with Image.open(path) as image:
            widths.append(image.width)
            pixels = np.asarray(image.convert("RGB"))
        for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
            assert (edge == 255).all(), "nothing is cut off"
    assert widths[0] < widths[1]

"""How the share of weights that a task keeps is chosen."""

import pytest

from configs import UserError
from prune_utils.keep_ratio import parse_keep_ratio, stated_keep_ratio


def test_published_ratios_and_their_stand_in() -> None:
    assert stated_keep_ratio("published", 90, {90: 0.08}) == 0.08
    assert stated_keep_ratio("published", 80, {90: 0.08}) == pytest.approx(0.2)


def test_a_number_is_taken_as_it_is_and_exact_depends_on_the_scores() -> None:
    assert stated_keep_ratio(0.3, 90, {90: 0.08}) == 0.3
    assert stated_keep_ratio("exact", 90, {90: 0.08}) is None


def test_the_keep_ratio_flag() -> None:
    assert parse_keep_ratio("exact") == "exact"
    assert parse_keep_ratio("0.25") == 0.25
    for text in ("0", "1.5", "nan", "half"):
        with pytest.raises(UserError, match="--keep_ratio"):
            parse_keep_ratio(text)

"""Options of a method are typed fields of its own, from the settings or from flags."""

import pytest
from small_sparsifiers import CONFIG

from configs import UserError
from prune_utils.sparsifiers.registry import build_sparsifier


def test_options_are_checked_by_the_method() -> None:
    assert build_sparsifier("disparse_pt", CONFIG).model_dump() == {"criterion": "gradient"}
    own = CONFIG.model_copy(update={"pruning": {"disparse_pt": {"criterion": "l1"}, "random": {"power": 1}}})
    assert build_sparsifier("disparse_pt", own).model_dump() == {"criterion": "l1"}
    assert build_sparsifier("disparse_dynamic", CONFIG).model_dump() == {"regrow": "stored", "erk_power": 0.9}
    assert build_sparsifier("rigl", CONFIG).model_dump() == {"erk_power": 0.9}
    for name, config, options, words in (
        ("random", own, {}, r"pruning\.random\.power: unknown key"),
        ("snip", CONFIG, {"criterion": "l1"}, "--criterion: snip has no such option"),
        ("disparse_pt", CONFIG, {"criterion": "l2"}, r"pruning\.disparse_pt\.criterion: .*'l2'"),
    ):
        with pytest.raises(UserError, match=words):
            build_sparsifier(name, config, options)

"""Sparsity in words: a dense network in one line, and layers that collapse."""

from reports.similarity.layer_figures import draw_sparsity
from reports.sparsity import collapse_text, sparsity_text

COUNTS = {
    "backbone.conv1.weight": (10, 100),
    "backbone.conv2.weight": (0, 100),
    "backbone.conv3.weight": (9, 1000),
    "heads.seg.0.weight": (10, 1000),
}


def test_a_dense_network_is_one_line() -> None:
    dense = {name: (numel, numel) for name, (_, numel) in COUNTS.items()}
    assert sparsity_text(dense) == "Dense: all 2,200 weights of 4 layers are kept"
    assert len(sparsity_text(COUNTS).splitlines()) == 1 + 4 + 1 + 3


def test_layers_that_collapse_are_named() -> None:
    text = collapse_text(COUNTS)
    assert "1 of 4 layers keep nothing (backbone.conv2)" in text
    assert "1 of 4 layers keep less than 1 % (backbone.conv3)" in text and "seg" not in text
    assert collapse_text(dict.fromkeys(COUNTS, (50, 100))) == ""
    many = {f"backbone.{index}.weight": (0, 10) for index in range(8)}
    assert "8 of 8 layers keep nothing (backbone.0, backbone.1, backbone.2, backbone.3, backbone.4 and 3 more)" in (
        collapse_text(many)
    )


def test_the_picture_is_by_stage_and_draws_an_empty_one(tmp_path) -> None:
    draw_sparsity({**COUNTS, **{f"heads.sn.{i}.weight": (0, 5) for i in range(40)}}, tmp_path / "p.png", "a network")
    assert (tmp_path / "p.png").stat().st_size > 5000

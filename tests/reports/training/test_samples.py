"""Pictures of samples: one colour for a class everywhere, grey where there is no target, words for whole images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reports.training import samples
from reports.training.samples import INVALID, Panel, Row, Scale, Style, class_colours, coloured, draw_samples, in_words

CLASSES = Style("classes", 5, ("wall", "__floor__", "bed", "lamp", "rug"))


def test_a_class_has_one_colour_whatever_else_is_drawn() -> None:
    assert np.array_equal(class_colours(40)[:17], class_colours(17))
    assert len({tuple(colour) for colour in class_colours(40)}) == 40
    assert class_colours(2).min() >= 0 and class_colours(200).max() <= 1
    picture = coloured(Panel(np.array([[[0, 3]]]), np.array([[True, False]])), CLASSES, Scale(0, 1))
    assert np.allclose(picture[0, 0], class_colours(5)[0]) and np.allclose(picture[0, 1], INVALID)


def test_directions_are_colours_and_raw_ones_have_all_of_them() -> None:
    across = np.array([[[-1.0, 0.6]], [[0.0, 0.0]], [[0.0, 0.8]]])
    picture = coloured(Panel(across), Style("directions", 3), Scale.of([Panel(across)], "directions"))
    assert np.allclose(picture[0], [[0, 0.5, 0.5], [0.8, 0.5, 0.9]])
    assert Scale.of([Panel(abs(across))], "directions") == Scale(0, 1)


def test_the_scale_of_amounts_is_that_of_valid_targets() -> None:
    values = np.linspace(0, 100, 101)[None, None]
    valid = values[0] <= 50
    assert Scale.of([Panel(values, valid)], "amounts") == Scale(1, 49)
    assert Scale.of([Panel(np.full((1, 2, 2), 3.0))], "amounts") == Scale(3, 4)
    assert Scale.of([Panel(values, valid & False)], "amounts") == Scale(0, 1)


def test_what_is_of_the_whole_image_is_in_words() -> None:
    one = np.array([[[2]]])
    assert in_words(Panel(one), CLASSES) == "bed" and in_words(Panel(one), Style("classes", 5)) == "2"
    sure = Panel(np.array([0.9, 0.1, 0.6]).reshape(3, 1, 1))
    assert in_words(sure, Style("labels", 3, ("sky", "sea", "sun"))) == "sky, sun"
    assert in_words(Panel(np.zeros((2, 1, 1))), Style("labels", 2)) == "none"
    assert in_words(Panel(np.array([1.5, 2]).reshape(2, 1, 1)), Style("amounts", 2)) == "1.5, 2"
    assert in_words(Panel(one, np.array([[False]])), CLASSES) == "not known"


def test_a_row_has_the_image_and_a_target_and_a_prediction_for_each_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list = []
    real = samples.save_figure
    monkeypatch.setattr(samples, "save_figure", lambda figure, path: (kept.append(figure), real(figure, path)))
    labels, depth = np.array([[[0, 1], [4, 4]]]), np.array([[[0.5, 1], [2, 3]]])
    cells = {
        "seg": (Panel(labels, labels[0] < 4), Panel(labels[:, ::-1], text="loss 1.2")),
        "depth": (Panel(depth), Panel(depth + 1)),
        "place": (Panel(np.array([[[3]]])), Panel(np.array([[[1]]]))),
    }
    image = np.zeros((2, 2, 3), np.uint8)
    rows = [Row("best", "a.png", image, cells), Row("worst", "b.png", image, cells)]
    styles = {"seg": CLASSES, "depth": Style("amounts", 1), "place": CLASSES}
    draw_samples(tmp_path / "s.png", "a run", rows, styles)
    figure = kept[0]
    panels = figure.axes[: 2 * 7]
    assert [axes.get_title() for axes in panels[:3]] == ["image", "seg: target", "seg: prediction"]
    assert panels[2].get_xlabel() == "loss 1.2" and panels[0].get_ylabel() == "best"
    assert [axes.texts[0].get_text() for axes in panels[5:7]] == ["lamp", "__floor__"]
    assert len(figure.axes) == 14 + 1, "one colour bar, for the amounts"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["wall", "__floor__", "rug"]
    pixels = np.asarray(Image.open(tmp_path / "s.png").convert("RGB"))
    for colour in class_colours(5)[[0, 1, 4]]:
        assert (abs(pixels - np.round(255 * colour)).max(-1) <= 1).sum() > 500

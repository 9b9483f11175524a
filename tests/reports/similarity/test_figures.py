import numpy as np
import pytest
from PIL import Image
from small_reports import parse_report

from configs import UserError
from reports.similarity import figures
from reports.similarity.figures import draw_lines, draw_similarity, new_figure, save_figure


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Draw, and give the figure itself."""

    def draw(contents):
        kept = []
        monkeypatch.setattr(figures, "save_figure", lambda figure, path: kept.append(figure))
        draw_similarity(parse_report(contents, "x.json"), tmp_path / "x.png", "equal", "masked_sals")
        return kept[0]

    return draw


@pytest.mark.parametrize("number", [2, 3, 10])
def test_the_picture_is_full_and_nothing_is_cut_off(make_json, tmp_path, number):
    contents = make_json(tasks=[f"a_rather_long_task_{i}" for i in range(number)], layers=36)
    draw_similarity(parse_report(contents, "x.json"), tmp_path / "x.png", "equal", "epi")
    image = pixels(tmp_path / "x.png")
    assert image.shape[0] > 600 and image.shape[1] > 1500
    assert len(np.unique(image @ (1 << 16, 1 << 8, 1))) > 100  # colours
    for edge in (image[0], image[-1], image[:, 0], image[:, -1]):
        assert (edge == 255).all()
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]


def test_matrix_holds_values_errors_and_ones(make_json, drawn):
    figure = drawn(make_json(values=[0.9, 0.8, None]))
    matrix_axes, line_axes = figure.axes[:2]
    texts = [text.get_text() for text in matrix_axes.texts]
    high, low = "0.900\n±0.010", "0.800\n±0.010"
    assert texts == ["1", high, low, high, "1", "n/a", low, "n/a", "1"]
    assert [text.get_text() for text in line_axes.get_legend().get_texts()] == ["seg/sn", "seg/depth"]
    title = figure.get_suptitle()
    for part in ("rooms", "MCSS", "50, 90 %", "2 seeds", "5 batches"):
        assert part in title
    assert "equal" in matrix_axes.get_title()


def test_text_stands_out_from_its_cell(make_json, drawn):
    texts = drawn(make_json(values=[0.9, 0.5, 0.1])).axes[0].texts
    assert [texts[cell].get_color() for cell in (1, 5)] == ["black", "white"]  # cividis: bright is high


def test_lines_are_means_and_bars_the_range_over_sparsities(make_json, drawn):
    contents = make_json(seeds=1, layers=2)
    at_90 = [i for i, sparsity in enumerate(contents["layers"]["sparsity"]) if sparsity == 90]
    for i in at_90[::2]:  # the first layer of each pair
        contents["layers"]["masked_sals"][i] -= 0.2
    axes = drawn(contents).axes[1]
    line, hollow = axes.lines[:2]
    assert line.get_ydata() == pytest.approx([0.8, np.nan], nan_ok=True)  # (0.9 + 0.7) / 2
    assert hollow.get_ydata() == pytest.approx([np.nan, 0.89], nan_ok=True)  # null at 90 %, so 50 % alone
    assert hollow.get_linestyle() == "None" and "Hollow" in axes.get_title()
    bars = [collection.get_segments() for collection in axes.collections]
    assert bars[0][0][:, 1] == pytest.approx([0.7, 0.9])
    assert len({segments[0][0, 0] for segments in bars}) == 3, "none hides another"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["conv0", "conv1"]


def test_names_that_begin_with_an_underscore_are_in_the_legend(make_json, drawn, recwarn):
    axes = drawn(make_json(tasks=["__a__", "_b", "c"])).axes[1]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["__a__/_b", "__a__/c", "_b/c"]
    assert not recwarn.list


def test_of_many_pairs_only_both_ends_are_drawn(make_json, drawn):
    axes = drawn(make_json(tasks=[f"t{i}" for i in range(10)])).axes[1]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["t0/t1", "t0/t2", "t0/t3", "t7/t8", "t7/t9", "t8/t9"]
    assert "Of 45 pairs, the 3 most and the 3 least similar" in axes.get_title()


@pytest.mark.parametrize("change", [{"values": [None] * 3}, {"layers": 0}, {"sparsities": (50,), "seeds": 1}])
def test_reports_with_little_in_them_are_drawn(make_json, tmp_path, change):
    contents = make_json(**change)
    draw_similarity(parse_report(contents, "x.json"), tmp_path / "x.png", "epi_like", "iou")
    assert len(np.unique(pixels(tmp_path / "x.png"))) > 10


def near(by_seed):
    """Three pairs of the mean values of their seeds."""
    return {"values": [sum(seeds) / len(seeds) for seeds in by_seed], "by_seed": by_seed, "seeds": len(by_seed[0])}


def test_nearly_equal_pairs_are_coloured_by_errors_from_their_mean(make_json, drawn):
    # less the mean of each seed (.81, .71): +.01 +.012, 0 0, -.01 -.012; so 11 errors of .001, 0 / 0, -11
    figure = drawn(make_json(**near([[0.82, 0.722], [0.81, 0.71], [0.80, 0.698]])))
    axes, bar = figure.axes[0], figure.axes[-1]
    texts = [text.get_text() for text in axes.texts]
    assert texts[1] == "0.771\n±0.010\n+11.0 se" and texts[5] == "0.749\n±0.010\n-11.0 se"
    assert "difference from the mean pair, 0.760" in bar.get_ylabel() and "standard errors" in bar.get_ylabel()
    image = axes.images[0]
    assert image.get_clim() == (-10, 10)
    assert not (image.to_rgba(image.get_array())[0, 1] == image.to_rgba(image.get_array())[1, 2]).all()


def test_noise_stays_pale(make_json, drawn):
    image = drawn(make_json(**near([[0.81, 0.79], [0.80, 0.80], [0.79, 0.81]]))).axes[0].images[0]
    assert image.get_clim() == (-4, 4) and abs(image.get_array()).max() < 1e-9


def test_with_one_seed_the_differences_are_said_to_have_no_known_error(make_json, drawn):
    figure = drawn(make_json(seeds=1, values=[0.797, 0.787, 0.781]))
    assert figure.axes[0].texts[1].get_text() == "0.797\n+0.009"
    assert "error is not known" in figure.axes[-1].get_ylabel()


def test_many_layers_are_named_by_stage(make_json, drawn):
    axes = drawn(make_json(layers=200)).axes[1]
    assert len(axes.get_xticklabels()) <= 16


def test_lines_with_gaps(tmp_path):
    figure = new_figure(4, 3)
    axes = figure.subplots()
    draw_lines(axes, range(3), {"loss": np.array([1, np.nan, 2])})
    save_figure(figure, tmp_path / "x.png")
    assert (pixels(tmp_path / "x.png") != 255).any()


def test_an_unknown_measure_or_folder_is_the_users_mistake(make_json, tmp_path):
    report = parse_report(make_json(), "x.json")
    with pytest.raises(UserError, match="equal_X_none"):
        draw_similarity(report, tmp_path / "x.png", "equal", "none")
    with pytest.raises(UserError, match="x.png"):
        draw_similarity(report, tmp_path / "no" / "x.png", "equal", "epi")
    assert not list(tmp_path.iterdir())


def test_a_dollar_sign_in_a_name_is_one(make_json, tmp_path, recwarn):
    contents = make_json(tasks=("$\\frac{$", "a$b$", "t\tab"))
    contents["dataset"] = "$_{"
    draw_similarity(parse_report(contents, "here"), tmp_path / "s.png", "equal", "iou")
    assert pixels(tmp_path / "s.png").size and not recwarn.list

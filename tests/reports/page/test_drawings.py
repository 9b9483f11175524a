"""Drawings worked out by hand: where marks lie, which colours cells have, and that names stay text."""

from math import nan
from xml.etree import ElementTree

import numpy as np
import pytest

from reports.colours import CIVIDIS, DIVERGING, blend, rgb, text_colour
from reports.page.drawings.bars import Bar, bar_chart
from reports.page.drawings.base import (
    SMALL,
    Axis,
    Element,
    axis_for,
    canvas,
    clean,
    fitted,
    mark,
    number,
    source,
    widest,
    width_of,
    write,
)
from reports.page.drawings.curves import MOST_POINTS, Curve, curves, thin
from reports.page.drawings.dots import Dot, Line, dot_plot
from reports.page.drawings.heat_map import Colours, around_zero, between_ends, colour_bar, heat_map
from reports.page.drawings.scatter import Point, legend_places, scatter


def of_class(drawing: Element, name: str) -> list[Element]:
    """The elements that have this class, in their order."""
    return [element for element in drawing.iter() if name in element.get("class", "").split()]


def texts(drawing: Element) -> list[str]:
    return ["".join(element.itertext()) for element in drawing.iter("text")]


def at(element: Element, name: str) -> float:
    return float(element.attrib[name])


def test_clean_text_is_one_line_without_what_a_page_cannot_hold() -> None:
    assert clean("a\n b\tc") == "a b c"
    assert clean("x\x00\x1b[0m\u202ey\ud800") == "x\ufffd\ufffd[0m\ufffdy\ufffd"
    assert clean("\N{GREEK SMALL LETTER BETA} \U0001f600") == "\N{GREEK SMALL LETTER BETA} \U0001f600"


def test_text_is_cut_to_its_room() -> None:
    assert fitted("seg", 100) == "seg"
    cut = fitted("a long name", 40)
    assert cut.endswith("\N{HORIZONTAL ELLIPSIS}") and width_of(cut) <= 40 and "a long name".startswith(cut[:-1])
    assert fitted("abc", 1) == "\N{HORIZONTAL ELLIPSIS}"
    assert width_of("\u4e00") == 13 and width_of("MMM") > width_of("iii")
    assert widest(["i", "M"], 100) == width_of("M") and widest(["M" * 50], 100) == 100 and widest([], 9) == 0


def test_text_that_was_cut_is_whole_in_its_title() -> None:
    drawing = canvas(10, 10, "")
    element = write(drawing, 1.5, 2, "a long name", room=40)
    assert element.find("title").text == "a long name"  # type: ignore[union-attr]
    assert (element.get("x"), element.get("y")) == ("1.5", "2")
    assert write(drawing, 0, 0, "seg", room=40).find("title") is None
    assert write(drawing, 1, 2, "up", turned=True, anchor="end").get("transform") == "rotate(-90 1 2)"


def test_coordinates_are_short() -> None:
    assert [number(value) for value in (3.0, 3.14159, 2.5, -0.001)] == ["3", "3.14", "2.5", "0"]


def test_an_axis_has_round_ticks_inside() -> None:
    axis = Axis(0.0, 1.0, 100.0, 200.0)
    assert (axis(0.0), axis(0.5), axis(1.0)) == (100, 150, 200)
    assert axis.ticks(5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert axis.text(0.2) == "0.2" and Axis(0, 5000, 0, 1).text(2000) == "2,000" and axis.text(-0.0) == "0.0"
    assert Axis(-13.0, 7.0, 0, 1).ticks(4) == pytest.approx([-10, -5, 0, 5])


def test_an_axis_for_values_holds_them_all_and_is_never_empty() -> None:
    axis = axis_for([1.0, 3.0, nan], 0, 100, margin=0.5)
    assert (axis.low, axis.high) == (0, 4)
    for values in ([], [2.0], [0.0, 0.0], [1e9, 1e9]):
        axis = axis_for(values, 0, 100)
        assert axis.low < axis.high and all(axis.low < value < axis.high for value in values) and axis.ticks()


def test_marks_of_series_differ_in_shape() -> None:
    drawing = canvas(10, 10, "")
    shapes = [mark(drawing, "dot", 0, 0, kind) for kind in range(7)]
    assert len({(shape.tag, shape.get("points")) for shape in shapes}) == 7


def test_colours_of_a_scale() -> None:
    colours = Colours(0.0, 2.0)
    assert tuple(colours.of(0.0)) == rgb(CIVIDIS[0]) and tuple(colours.of(2.0)) == rgb(CIVIDIS[-1])
    assert tuple(colours.of(-5.0)) == rgb(CIVIDIS[0]) and tuple(colours.of(9.0)) == rgb(CIVIDIS[-1])
    assert blend(np.array([0.5]), ("#000000", "#ffffff")).tolist() == [[128, 128, 128]]
    zero = around_zero(np.array([-1.0, 4.0, nan]))
    assert (zero.low, zero.high) == (-4, 4) and tuple(zero.of(0.0)) == rgb(DIVERGING[3])
    narrow = between_ends(np.array([0.700, 0.704]))
    assert narrow.high - narrow.low == pytest.approx(0.05) and narrow.low == pytest.approx(0.677)
    assert (around_zero(np.zeros(2)).high, between_ends(np.array([nan])).high) == (1, 1)


def test_text_can_be_read_on_every_colour() -> None:
    def luminance(colour: np.ndarray) -> float:
        srgb = colour / 255
        return float(
            np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722)
        )

    for stops in (CIVIDIS, DIVERGING):
        for share in np.linspace(0, 1, 101):
            colour = blend(share, stops)
            lightness = luminance(colour)
            contrast = {"black": (lightness + 0.05) / 0.05, "white": 1.05 / (lightness + 0.05)}[
                text_colour(colour / 255)
            ]
            assert contrast >= 4.5


def test_a_heat_map_has_its_numbers_in_coloured_cells() -> None:
    values, margins = np.array([[nan, 1.0], [0.0, nan]]), np.array([[nan, 0.25], [nan, nan]])
    drawing = heat_map(["a", "b"], ["a", "b"], values, margins, Colours(0, 1), "two tasks")
    first, second = of_class(drawing, "cell")
    assert (first.get("fill"), second.get("fill")) == (CIVIDIS[-1], CIVIDIS[0])
    assert at(first, "x") > at(second, "x") and at(first, "y") < at(second, "y")
    assert len(of_class(drawing, "empty")) == 2
    assert texts(drawing) == ["a", "b", "a", "b", "1.00", "\N{PLUS-MINUS SIGN}0.25", "0.00"]
    assert [element.get("class") for element in drawing.iter("text")][-3:] == ["number on-black"] * 2 + [
        "number on-white"
    ]
    assert drawing.get("aria-label") == "two tasks" and drawing.get("role") == "img"


def test_cells_without_a_place_on_the_scale_are_grey() -> None:
    values, margins = np.array([[0.123456, -0.0001]]), np.full((1, 2), nan)
    drawing = heat_map(["a"], ["a", "b"], values, margins, Colours(0, 1), "", coloured=np.array([[True, False]]))
    assert (len(of_class(drawing, "cell")), len(of_class(drawing, "plain"))) == (1, 1)
    assert texts(drawing)[-2:] == ["0.12", "0.000"]
    assert len(of_class(heat_map(["a"], ["a", "b"], values, margins, None, ""), "plain")) == 2


def test_a_heat_map_of_many_tasks_has_small_cells_without_errors() -> None:
    names = [f"task_{index}" for index in range(25)]
    drawing = heat_map(names, names, np.full((25, 25), 0.5), np.full((25, 25), 0.1), Colours(0, 1), "")
    assert len(of_class(drawing, "cell")) == 625 and "\N{PLUS-MINUS SIGN}" not in "".join(texts(drawing))
    assert at(drawing, "width") < 1200 and drawing.find("text").get("transform").startswith("rotate(-90")  # type: ignore


def test_a_colour_bar_goes_from_end_to_end() -> None:
    drawing = colour_bar(Colours(0, 1), ("low", "high"), "")
    assert texts(drawing) == ["low", "high"]
    first, *_, last = (rgb(cell.attrib["fill"]) for cell in of_class(drawing, "cell"))
    assert first[2] > first[0] and last[0] > last[2]


def test_dots_lie_where_their_values_are() -> None:
    dots = [Dot("b", 0.5, 0.25, 0.75, floor=0.0, text="0.5", sure=False), Dot("c", 0.0, sure=True)]
    drawing = dot_plot(dots, [Line("ceiling", 1.0, 0.9, 1.1)], "of a")
    first, second = of_class(drawing, "dot")
    (interval,), (floor,), (ceiling,), (band,) = (
        of_class(drawing, name) for name in ("interval", "floor", "ceiling", "band")
    )
    scale = at(first, "cx") - at(second, "cx")  # pixels of 0.5
    assert scale > 0 and at(second, "cy") - at(first, "cy") == 26
    assert at(interval, "x2") - at(interval, "x1") == pytest.approx(scale, abs=0.02)
    assert at(floor, "x1") == pytest.approx(at(second, "cx"), abs=0.02) and at(floor, "y1") < at(first, "cy") < at(
        floor, "y2"
    )
    assert at(ceiling, "x1") - at(first, "cx") == pytest.approx(scale, abs=0.02)
    assert at(band, "width") == pytest.approx(0.4 * scale, abs=0.02)
    assert texts(drawing).count("\N{ALMOST EQUAL TO}") == 1 and {"b", "c", "0.5", "ceiling"} <= set(texts(drawing))


def test_what_is_not_known_is_not_drawn() -> None:
    drawing = dot_plot([Dot("b", nan, text="undefined")], [Line("ceiling", nan)], "")
    for name in ("dot", "interval", "floor", "ceiling", "band"):
        assert not of_class(drawing, name)
    assert "undefined" in texts(drawing)


def test_points_of_a_scatter_lie_where_they_belong() -> None:
    points = [Point("seg", 0.0, -10.0, -20.0, 0.0, "seg with sn"), Point("sn", 1.0, 10.0), Point("sn", nan, 1.0)]
    drawing = scatter(points, "estimate", "gain", "label")
    circle, square, *legend = of_class(drawing, "dot")
    assert len(legend) == 2 and circle.tag == "circle" and square.tag == "polygon"
    zero, interval = of_class(drawing, "zero")[0], of_class(drawing, "interval")[0]
    assert at(interval, "y2") == pytest.approx(at(zero, "y1")) and at(circle, "cy") > at(zero, "y1")
    assert at(interval, "y1") - at(circle, "cy") == pytest.approx(at(circle, "cy") - at(zero, "y1"), abs=0.02)
    assert circle.find("title").text == "seg with sn"  # type: ignore[union-attr]
    assert {"estimate", "gain", "seg", "sn"} <= set(texts(drawing))
    assert scatter([], "x", "y", "nothing") is not None


def test_a_legend_goes_on_below_where_a_row_is_full() -> None:
    places = legend_places(["a" * 10] * 5, 250)
    assert [row for _, row in places] == [0, 0, 1, 1, 2] and places[0][0] == places[2][0] == 0


def test_curves_pass_through_their_points() -> None:
    line = Curve("run", np.array([0.0, 5.0, 10.0]), np.array([1.0, 3.0, nan]))
    drawing = curves([line], "iteration", "loss", "", (0.0, 10.0))
    points = [tuple(map(float, point.split(","))) for point in of_class(drawing, "curve")[0].attrib["points"].split()]
    assert len(points) == 2 and points[1][0] > points[0][0] and points[1][1] < points[0][1]
    assert len(of_class(drawing, "dot")) == 3  # two points and the legend
    with pytest.raises(ValueError):
        curves([line] * 8, "", "", "", (0.0, 10.0))


def test_long_curves_are_means_over_equal_parts() -> None:
    curve = thin(Curve("run", np.arange(2.0 * MOST_POINTS), np.tile([0.0, 1.0], MOST_POINTS)))
    assert len(curve.x) == MOST_POINTS and set(curve.y) == {0.5} and curve.x[0] == 0.5


def test_bars_begin_at_zero() -> None:
    drawing = bar_chart([Bar("best", 2.0, "2 networks", chosen=True, below="watershed"), Bar("other", -1.0, "x"),
                         Bar("unknown", nan, "not known")], "")  # fmt: skip
    best, other = of_class(drawing, "bar")
    (zero,) = of_class(drawing, "zero")
    assert at(best, "x") == at(zero, "x1") and at(other, "x") + at(other, "width") == pytest.approx(
        at(zero, "x1"), abs=0.02
    )
    assert at(best, "width") == pytest.approx(2 * at(other, "width"), abs=0.03)
    assert "chosen" in best.attrib["class"] and "chosen" not in other.attrib["class"]
    assert {"2 networks", "not known", "watershed"} <= set(texts(drawing))
    assert of_class(bar_chart([Bar("a", 0.0, "0")], ""), "bar")[0].get("width") == "0"


def test_what_is_said_of_a_border_has_room_beside_the_numbers() -> None:
    drawing = bar_chart([Bar("a", 1.0, "0.314", below="watershed"), Bar("b", 0.5, "0.157")], "")
    [number] = [text for text in drawing.iter("text") if "".join(text.itertext()) == "0.314"]
    [note] = [text for text in drawing.iter("text") if "".join(text.itertext()) == "watershed"]
    assert at(number, "x") + width_of("0.314", SMALL) < at(note, "x") - width_of("watershed", SMALL)


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "a\"b'&amp;", "x\ny\x00", "</text><image href='http://x'/>"]
)
def test_names_stay_text(name: str) -> None:
    drawings = [
        heat_map([name], [name], np.array([[0.5]]), np.array([[nan]]), Colours(0, 1), name),
        dot_plot([Dot(name, 1.0, text=name)], [Line(name, 1.0)], name),
        scatter([Point(name, 1.0, 1.0, name=name)], name, name, name),
        curves([Curve(name, np.arange(2.0), np.arange(2.0))], name, name, name, (0.0, 1.0)),
        bar_chart([Bar(name, 1.0, name, below=name)], name),
        colour_bar(Colours(0, 1), (name, name), name),
    ]
    for drawing in drawings:
        read = ElementTree.fromstring(source(drawing))
        assert {element.tag for element in read.iter()} <= {
            "svg", "g", "rect", "line", "text", "circle", "polygon", "polyline", "title"
        }  # fmt: skip
        assert read.get("aria-label") == clean(name)
        assert all(not key.startswith("on") and "href" not in key for element in read.iter() for key in element.attrib)

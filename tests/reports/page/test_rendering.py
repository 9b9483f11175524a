"""The page itself: nothing is loaded, nothing runs, every text is escaped, and it can be read without eyes."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from small_pages import HOSTILE, evaluation, gains, iou, log, relatedness, write

from reports.page.drawings.base import clean
from reports.page.found import Found, Published, PublishedRow, read_folder
from reports.page.pictures import SheetFile, SheetRow
from reports.page.rendering import FOLDER, render

PIXEL = "data:image/png;base64,iVBORw0KGgo="
VOID = {"meta", "img", "rect", "line", "circle", "polygon", "polyline", "br"}


class Elements(HTMLParser):
    """Every element of a page with its attributes, all text, and that elements end in the order they began."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.open = "", []
        self.feed(page)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def everything(folder: Path, make_json, tasks: tuple[str, ...]) -> Found:
    """A folder of all kinds of results of these tasks."""
    write(folder, relatedness=relatedness(tasks, blind=True), gains=gains(tasks), iou=iou(tasks),
          similarity=make_json(tasks=tasks, seeds=3), eval_run=evaluation("run", tasks))  # fmt: skip
    (folder / "run.csv").write_text(log(("a", "b")))
    row = SheetRow(name=tasks[0], image=PIXEL, targets={tasks[1]: PIXEL})
    sheet = SheetFile(dataset="rooms", split="train", samples=9, tasks=list(tasks), rows=[row])
    published = Published({"run": [PublishedRow(tasks[0], {(tasks[0], "mIoU"): tasks[1]})]})
    return replace(read_folder(folder), sheet=sheet, predictions={f"eval_{tasks[0]}.png": PIXEL}, published=published)


def test_hostile_names_stay_text(tmp_path: Path, make_json) -> None:
    page = Elements(render(everything(tmp_path, make_json, HOSTILE)))
    tags = {tag for tag, _ in page.found}
    assert not tags & {"script", "iframe", "object", "embed", "link", "image", "form", "base", "b"}
    for tag, attributes in page.found:
        assert not [name for name in attributes if name.startswith("on")], tag
        if tag == "img":
            assert str(attributes["src"]).startswith("data:image/")
    for name in HOSTILE:
        assert clean(name) in page.text
    assert "{{ 7*7 }}" in page.text and "\x07" not in page.text and "\u202e" not in page.text


def test_the_page_needs_nothing_beside_it(tmp_path: Path, make_json) -> None:
    page = Elements(render(everything(tmp_path, make_json, ("seg", "sn", "depth"))))
    for tag, attributes in page.found:
        for name in ("src", "href", "srcset", "action", "poster", "data"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:image/", "#")), (tag, value)
    style = (FOLDER / "style.css").read_text(encoding="utf-8")
    assert "url(" not in style and "@import" not in style and "expression" not in style
    policy = next(a["content"] for tag, a in page.found if a.get("http-equiv") == "Content-Security-Policy")
    assert str(policy).startswith("default-src 'none'")


def test_it_can_be_read_without_eyes(tmp_path: Path, make_json) -> None:
    page = Elements(render(everything(tmp_path, make_json, ("seg", "sn", "depth"))))
    by_tag: dict[str, list[dict[str, str | None]]] = {}
    for tag, attributes in page.found:
        by_tag.setdefault(tag, []).append(attributes)
    assert by_tag["html"][0]["lang"] == "en" and len(by_tag["h1"]) == 1
    assert all(image["alt"] for image in by_tag["img"])
    assert all(svg["role"] == "img" and svg["aria-label"] for svg in by_tag["svg"])
    assert all(head["scope"] in ("col", "row") for head in by_tag["th"])
    assert all(table["aria-label"] for table in by_tag["table"])
    names = {part["id"] for part in by_tag["section"]}
    assert names == {str(link["href"])[1:] for link in by_tag["a"]}
    ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    levels = [int(tag[1]) for tag, _ in page.found if tag in ("h1", "h2", "h3", "h4")]
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))


def test_the_same_results_give_the_same_page(tmp_path: Path, make_json) -> None:
    found = everything(tmp_path, make_json, ("seg", "sn", "depth"))
    assert render(found) == render(found)


@pytest.mark.parametrize("tasks", [2, 5, 25])
def test_any_number_of_tasks(tmp_path: Path, make_json, tasks: int) -> None:
    names = tuple(f"task_{index}" for index in range(tasks))
    page = render(everything(tmp_path, make_json, names))
    assert len(page) < 4_000_000 and Elements(page).text.count(names[-1]) > 3


def test_text_has_enough_contrast_in_both_dresses() -> None:
    style = (FOLDER / "style.css").read_text(encoding="utf-8")
    light, dark = (dict(_colours(part)) for part in style.split("@media screen", 1))
    for dress in (light, light | dark):
        for ink in ("ink", "quiet", "link"):
            for ground in ("paper", "panel"):
                assert _contrast(dress[ink], dress[ground]) >= 4.5, (ink, ground)
        for series in range(7):
            assert _contrast(dress[f"c{series}"], dress["paper"]) >= 3
        assert _contrast(dress["floor"], dress["paper"]) >= 3


def _colours(style: str) -> list[tuple[str, str]]:
    return re.findall(r"--([a-z0-9]+): (#[0-9a-f]{6})", style)


def _contrast(a: str, b: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)

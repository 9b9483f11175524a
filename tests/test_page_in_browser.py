"""The page in a real browser: nothing sticks out, nothing is complained of, nothing is asked for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Page, browser, find_browser
from small_pages import HOSTILE, evaluation, gains, iou, log, relatedness, write
from small_reports import similarity_json

from reports.page.found import read_folder
from reports.page.rendering import render

OVERFLOW = """(() => {
  const width = document.documentElement.clientWidth, out = [];
  for (const element of document.querySelectorAll('body *')) {
    if (element.parentElement.closest('.scroll, svg')) continue;  // what can be moved sideways; parts of drawings
    const box = element.getBoundingClientRect();
    if (box.right > width + 0.5 || box.left < -0.5) out.push(element.tagName + ' ' + element.textContent.slice(0, 40));
  }
  return [document.documentElement.scrollWidth, width, out];
})()"""
CUT = """(() => {
  const out = [];
  for (const text of document.querySelectorAll('svg text')) {
    const box = text.getBoundingClientRect(), all = text.closest('svg').getBoundingClientRect();
    if (box.left < all.left - 1 || box.right > all.right + 1 || box.top < all.top - 1 || box.bottom > all.bottom + 1)
      out.push(text.textContent);
  }
  return out;
})()"""
SMALLEST = """Math.min(...[...document.querySelectorAll('svg text')].map(
  text => parseFloat(text.getAttribute('font-size')) * text.closest('svg').getBoundingClientRect().width
          / parseFloat(text.closest('svg').getAttribute('width'))))"""


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    program = find_browser()
    if program is None:
        pytest.skip("no chromium is installed, so the page was not looked at in a browser")
    with browser(program) as page:
        yield page


def page_of(folder: Path, tasks: tuple[str, ...]) -> Path:
    """All kinds of results of these tasks as a page, everything on it unfolded."""
    write(folder, relatedness=relatedness(tasks, blind=True), gains=gains(tasks), iou=iou(tasks),
          similarity=similarity_json(tasks=tasks, seeds=3), eval_run=evaluation("run", tasks))  # fmt: skip
    (folder / "run.csv").write_text(log(("a", "b"), 300))
    path = folder / "report.html"
    path.write_text(render(read_folder(folder)).replace("<details>", "<details open>"), encoding="utf-8")
    return path


TASKS = {
    "three": ("seg", "sn", "depth"),
    "hostile": HOSTILE,
    "many": tuple(f"task_with_a_name_{index}" for index in range(25)),
}


@pytest.mark.parametrize("tasks", TASKS.values(), ids=list(TASKS))
def test_nothing_sticks_out_is_complained_of_or_asked_for(tab: Page, tmp_path: Path, tasks: tuple[str, ...]) -> None:
    path = page_of(tmp_path, tasks)
    for width in (1280, 400):
        for dark in (False, True):
            tab.open(path, width, dark)
            assert tab.value(OVERFLOW) == [width, width, []]
            assert tab.value(CUT) == [] and tab.value(SMALLEST) >= 10
            assert tab.complaints() == [] and tab.requests() == [path.as_uri()]
            assert tab.value("document.querySelectorAll('script').length") == 0


def test_dark_is_dark_and_paper_is_light(tab: Page, tmp_path: Path) -> None:
    path, ground = page_of(tmp_path, TASKS["three"]), "getComputedStyle(document.body).backgroundColor"
    for dark, colour in ((False, "rgb(255, 255, 255)"), (True, "rgb(20, 23, 27)")):
        tab.open(path, 1280, dark)
        assert tab.value(ground) == colour
    tab.call("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    assert tab.value(ground) == "rgb(255, 255, 255)"
    tab.call("Emulation.setEmulatedMedia", media="")


def test_it_prints(tab: Page, tmp_path: Path) -> None:
    tab.open(page_of(tmp_path, TASKS["three"]), 1280)
    tab.print(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF-")


def test_the_browser_would_tell(tab: Page, tmp_path: Path) -> None:
    """That complaints, requests and overflow are seen where there are some."""
    path = tmp_path / "bad.html"
    path.write_text("<body><img src='http://x.invalid/a.png'><script>console.error('no')</script>"
                    "<p style='width:3000px'>wide</p></body>")  # fmt: skip
    tab.open(path, 400)
    assert len(tab.complaints()) >= 1 and tab.requests() == [path.as_uri(), "http://x.invalid/a.png"]
    assert tab.value(OVERFLOW)[0] > 400 and "P wide" in tab.value(OVERFLOW)[2]

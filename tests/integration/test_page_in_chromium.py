"""The page in a real browser: no complaint, no request, sorting, filtering, both themes."""

# ruff: noqa: ANN401 - stand-ins of any shape
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "hunt" / "report"))

import report_crowd as crowd
from chromium_pipe import BINARY, Chromium

from stillhunt.hunt.report.page import render
from stillhunt.hunt.report.pictures import collect

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(BINARY is None, reason="chromium is not installed"),
]
HOSTILE = "</script><img src=x onerror=document.title='owned'>"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = (*crowd.findings(), crowd.finding("burst", {"account_id": HOSTILE}))
    table = crowd.exchanges(days=7, people=20)
    pictures = collect(crowd.lake(table), crowd.swept(found))
    path = tmp_path_factory.mktemp("page") / "report.html"
    text = render(crowd.document(found), pictures, detectors=crowd.swept(found).detectors)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with Chromium() as chromium:
        yield chromium


@pytest.fixture
def opened(browser: Chromium, page: Path) -> Chromium:
    browser.call("Page.navigate", url="about:blank")
    browser.complaints.clear()
    browser.requests.clear()
    browser.look()
    browser.open(page)
    return browser


def column(browser: Chromium, place: int) -> Any:
    return browser.run(
        f"[...document.querySelectorAll('#who table')[0].tBodies[0].rows]"
        f".map(row => row.cells[{place}].dataset.v ?? row.cells[{place}].textContent.trim())"
    )


def press(browser: Chromium, place: int) -> None:
    browser.run(f"document.querySelectorAll('#who th button')[{place}].click()")


def test_nothing_is_complained_of_and_nothing_asked_for(opened: Chromium, page: Path) -> None:
    opened.run("scrollTo(0, 1e6)")
    assert opened.complaints == []
    assert set(opened.requests) == {page.as_uri()}
    assert opened.run("document.title").endswith("Stillhunt")
    assert opened.run("document.images.length") == 0


def test_the_policy_stops_what_it_does_not_know(opened: Chromium) -> None:
    opened.run(
        "const evil = document.createElement('script'); evil.textContent = 'document.title = 1';"
        "document.body.append(evil)"
    )
    assert opened.run("document.title").endswith("Stillhunt")
    assert any("Content Security Policy" in one for one in opened.complaints)


def test_a_heading_sorts_numbers_and_words_both_ways(opened: Chromium) -> None:
    press(opened, 1)
    numbers = [int(value) for value in column(opened, 1)]
    assert numbers == sorted(numbers, reverse=True)
    press(opened, 1)
    assert [int(value) for value in column(opened, 1)] == sorted(numbers)
    press(opened, 0)
    names = column(opened, 0)
    assert names == sorted(names, key=str.lower)
    assert opened.run("document.querySelector('#who th').getAttribute('aria-sort')") == "ascending"


def test_findings_can_be_filtered(opened: Chromium) -> None:
    shown = "[...document.querySelectorAll('details.finding')].filter(one => !one.hidden).length"
    everything = opened.run(shown)
    opened.run(
        "const s = document.querySelector('#tools select'); s.value = '5';"
        "s.dispatchEvent(new Event('change'))"
    )
    assert opened.run(shown) == 2
    opened.run("s.value = '1'; s.dispatchEvent(new Event('change'))")
    opened.run(
        "const q = document.querySelector('#tools input'); q.value = 'BATCH-0 repe';"
        "q.dispatchEvent(new Event('input'))"
    )
    assert opened.run(shown) == 1
    assert everything == 12


def test_a_link_to_a_query_opens_it(opened: Chromium) -> None:
    opened.run("location.hash = '#q-volume'")
    is_open = "document.getElementById('q-volume').parentElement.open"
    while not opened.run(is_open):  # the event comes with the next turn of its loop
        pass
    assert opened.complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_themes_follow_the_system_until_somebody_chooses(
    opened: Chromium, theme: str
) -> None:
    opened.look(theme=theme)
    light = "rgb(246, 247, 248)"
    back = "getComputedStyle(document.body).backgroundColor"
    assert (opened.run(back) == light) is (theme == "light")
    opened.run("document.getElementById('theme').click()")
    assert (opened.run(back) == light) is (theme == "dark")
    assert opened.run("getComputedStyle(document.querySelector('path.s-hot0')).fill") not in {
        "rgb(0, 0, 0)", "none",
    }  # fmt: skip


@pytest.mark.parametrize("width", [360, 390, 768, 1280, 1920])
def test_no_width_makes_the_page_scroll_sideways(opened: Chromium, width: int) -> None:
    opened.look(width=width)
    assert opened.run("document.documentElement.scrollWidth") <= width


def test_without_a_script_everything_can_still_be_read(browser: Chromium, page: Path) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(page)
        text = browser.run("document.body.innerText")
        assert "stand out" in text
        assert browser.run("document.querySelectorAll('th button').length") == 0
        assert browser.run("document.getElementById('theme').offsetParent === null")
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)


def test_it_prints_with_every_finding_open(opened: Chromium, tmp_path: Path) -> None:
    opened.look(theme="dark", media="print", width=720)
    opened.run("dispatchEvent(new Event('beforeprint'))")
    assert opened.run("[...document.querySelectorAll('details.finding')].every(one => one.open)")
    assert opened.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    opened.paper(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")

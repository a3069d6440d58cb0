"""The page is one file that asks for nothing, and hostile names stay text."""

# ruff: noqa: ANN401 - stand-ins of any shape
import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import report_crowd as crowd

from stillhunt.hunt.report.page import LISTED, render, write_page
from stillhunt.hunt.report.panels import Pictures
from stillhunt.hunt.report.pictures import collect
from stillhunt.model.errors import ConfigError
from stillhunt.model.finding import Severity

XSS = "</script></title><img src=x onerror=alert(1)>\u202e{{ 7*7 }}'\""
VOID = {"meta", "br", "link", "img", "input", "hr"}
ACTIVE = {
    "script",
    "style",
    "svg",
    "title",
    "iframe",
    "object",
    "embed",
    "img",
    "link",
    "base",
    "form",
}


class Reader(HTMLParser):
    """Collects tags, attributes, text by tag; checks that tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, key, value or "") for key, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"{tag} at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.text += data


def drawn(found: Any, **more: Any) -> tuple[dict[str, Any], Pictures]:
    table = crowd.exchanges(days=7, people=6)
    return crowd.document(found, **more), collect(crowd.lake(table), crowd.swept(found))


@pytest.fixture(scope="module")
def page() -> str:
    found = crowd.findings()
    document, pictures = drawn(found)
    return render(document, pictures, detectors=crowd.swept(found).detectors)


def test_it_is_well_formed_and_every_id_stands_once(page: str) -> None:
    reader = Reader(page)
    assert reader.faults == []
    assert reader.open == []
    ids = [value for _, key, value in reader.attributes if key == "id"]
    assert len(ids) == len(set(ids))
    targets = {value[1:] for _, key, value in reader.attributes if key == "href"}
    assert targets <= set(ids)


def test_it_asks_for_nothing_and_has_no_inline_style(page: str) -> None:
    reader = Reader(page)
    assert not {"link", "img", "iframe", "base", "form", "object"} & set(reader.tags)
    names = {key for _, key, _ in reader.attributes}
    assert not {"style", "src", "srcset", "action"} & names
    assert not [key for key in names if key.startswith("on")]
    assert "url(" not in page
    assert not re.search(r"https?://", page)


def test_the_policy_allows_what_it_carries_by_hash_and_nothing_else(page: str) -> None:
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    assert "default-src &#39;none&#39;" in policy
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        wanted = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src &#39;sha256-{wanted}&#39;" in policy


def test_the_first_screen_tells_the_story(page: str) -> None:
    text = " ".join(Reader(page).text.split())
    story = re.search(
        r"Account acct_9f31c7 took 5\.\d+M output tokens \(\d+ % of all\) in 9,200", text
    )
    assert story is not None
    assert story.start() < text.index("Traffic over time")
    for wanted in (
        "at assumed prices",
        "stands out since 2026-03-05 01:00 UTC",
        "How sure:",
        "A finding accuses nobody",
    ):
        assert wanted in text
    for section in (
        "Who takes the most",
        "Hours of the day",
        "Bursts",
        "Entropy against volume",
        "Findings",
        "What could be asked",
        "Rejects by reason",
        "How to read this",
    ):
        assert section in text


def test_each_finding_shows_evidence_look_alikes_and_its_query(page: str) -> None:
    text = " ".join(Reader(page).text.split())
    assert "total_output_tokens 5,127,482" in text.replace(
        "total_output_tokens5", "total_output_tokens 5"
    )
    assert "Honest look-alikes: Batch pipelines" in text
    assert (
        "WHERE account_id = 'acct_9f31c7' AND source_ip = '203.0.113.66' AND ts_us BETWEEN" in text
    )
    assert "Allowed: nightly evaluation, agreed on 3 February" in text
    assert "HAVING COUNT(*) > 5000" in text
    assert "read_parquet('LAKE/hot/**/*.parquet'" in text


def test_hostile_names_are_text_everywhere() -> None:
    subject = {"account_id": XSS, "source_ip": XSS, "tail": XSS}
    found = [
        crowd.finding("burst", subject, evidence={XSS: XSS, "n": 1}, allowed=None, peer=subject),
        crowd.finding(XSS, subject, family=XSS, severity=Severity.LOW),
    ]
    table = crowd.exchanges(days=5, people=2)
    names = [XSS if name == crowd.HARVESTER else name for name in table["account_id"].to_pylist()]
    place = table.schema.get_field_index("account_id")
    table = table.set_column(place, "account_id", [names])
    document = crowd.document(found)
    document["inputs"][0]["path"] = document["rejects"][0]["reason"] = XSS
    document["detectors"][0]["missing"] = [XSS]
    pictures = collect(crowd.lake(table), crowd.swept(found))
    assert pictures.accounts[0].name == XSS
    page = render(document, pictures, detectors=crowd.swept(found).detectors)
    reader = Reader(page)
    assert reader.faults == []
    assert "img" not in reader.tags
    assert reader.tags.count("script") == 1
    assert not [key for _, key, _ in reader.attributes if key.startswith("on")]
    assert "\u202e" not in page
    assert "49" not in re.findall(r"&gt;\\u202e(.{9})", page)
    assert "{{ 7*7 }}" in page.replace("&#34;", '"')


def test_names_of_ten_kilobytes_are_cut_in_the_middle() -> None:
    long = "n" * 10_000
    found = [crowd.finding("burst", {"account_id": f"{long}{k}"}) for k in range(3)]
    document, pictures = drawn(found)
    page = render(document, pictures)
    assert "n" * 9_000 not in page
    text = Reader(page).text
    assert max(map(len, re.findall(r"n{20,}", text))) <= 120
    assert "LENGTH(account_id) = 10001" in text


def test_only_so_many_findings_are_listed_and_the_rest_is_counted() -> None:
    found = [crowd.finding("volume", {"account_id": f"a{k}"}) for k in range(LISTED + 37)]
    document, pictures = drawn(found)
    page = render(document, pictures)
    assert page.count('<details class="finding') == LISTED
    assert "37 more are in the JSON" in page
    assert len(page) < 1_500_000


def test_an_access_log_has_a_page_too() -> None:
    table = crowd.exchanges(days=2, people=4, known=("ts_us", "source_ip", "method", "path"))
    found = [crowd.finding("burst", {"source_ip": "203.0.113.66"}, statistic=2.2)]
    pictures = collect(crowd.lake(table), crowd.swept(found))
    page = render(crowd.document(found), pictures)
    text = " ".join(Reader(page).text.split())
    assert "the log counts no tokens, so it has no price" in text
    assert "addresses with findings in warm colours" in text
    assert "Entropy against volume" not in text
    assert Reader(page).faults == []


def test_nothing_at_all_has_a_page_too() -> None:
    table = crowd.exchanges(days=1, people=1).slice(0, 0)
    totals = {"exchanges": 0, "accounts": 0, "output_tokens": None}
    document = crowd.document([], totals=totals, period=None)
    page = render(document, collect(crowd.lake(table), crowd.swept()))
    assert "No exchange to look at" in page
    assert Reader(page).faults == []


def test_the_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    document, pictures = drawn(crowd.findings())
    write_page(tmp_path / "page.html", document, pictures)
    assert (tmp_path / "page.html").read_text(encoding="utf-8").endswith("</html>")
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]
    with pytest.raises(ConfigError, match="cannot write the page"):
        write_page(tmp_path / "missing" / "page.html", document, pictures)


def luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1])
def test_text_has_the_contrast_that_wcag_aa_asks_for(page: str, theme: int) -> None:
    found = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", page)
    colours = {name: (light, dark)[theme] for name, light, dark in found}
    pairs = [
        (ink, paper) for ink in ("text", "soft", "link") for paper in ("page", "card", "sunk")
    ]
    pairs += [(name, f"{name}-back") for name in ("critical", "high", "medium", "low", "info")]
    for ink, paper in pairs:
        assert contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
    for mark in ("hot0", "cool0"):
        assert contrast(colours[mark], colours["card"]) >= 3.0, mark

"""The terminal's summary fits, and shows hostile names without obeying them."""

# ruff: noqa: ANN401 - stand-ins of any shape
import io
import re
from typing import Any

import pytest
import report_crowd as crowd
from rich.console import Console

from stillhunt.hunt.report import terminal
from stillhunt.hunt.report.panels import Pictures
from stillhunt.hunt.report.pictures import collect
from stillhunt.hunt.report.terminal import print_summary, printable, summary
from stillhunt.model.finding import Severity

HOSTILE = "\x1b[2J[red]x[/red]\n\u202eevil" + "y" * 10_000


@pytest.fixture(scope="module")
def drawn() -> Pictures:
    table = crowd.exchanges(days=7, people=12)
    return collect(crowd.lake(table), crowd.swept(crowd.findings()), drawings=False)


def shown(
    document: dict[str, Any], pictures: Pictures | None = None, width: int = 100, **more: Any
) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False, markup=False, emoji=False)
    console.print(summary(document, pictures, **more))
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 100])
def test_it_fits_the_width_and_says_everything(drawn: Pictures, width: int) -> None:
    text = shown(crowd.document(crowd.findings()), drawn, width, quarantine=crowd.QUARANTINE)
    assert max(map(len, text.splitlines())) <= width
    for wanted in (
        "stand out",
        crowd.HARVESTER,
        "25,600",
        "25,594",
        "lake/quarantine/5c1e.jsonl",
        "3 \u00d7 not JSON: line ends inside a string",
        "needs payment_hash",
        "without duration_ms",
        "top by output tokens: account",
        "203.0.113.66",
        "critical",
        "52.1\u00d7",
        "1 finding allowed by [[allow]]",
        "--html report.html",
        "stillhunt rules baseline",
        "2026-03-05 01:00",
        "assumed prices",
    ):
        assert wanted in text or wanted in " ".join(text.split())


def test_hostile_names_are_shown_and_not_obeyed() -> None:
    findings = [crowd.finding("volume", {"account_id": HOSTILE}, evidence={"note": HOSTILE})]
    document = crowd.document(findings)
    document["inputs"][0]["path"] = document["rejects"][0]["reason"] = HOSTILE
    text = shown(document, quarantine=HOSTILE)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert r"\x1b[2J[red]x" in text
    assert max(map(len, text.splitlines())) <= 100


def test_colour_is_only_decoration(drawn: Pictures) -> None:
    document = crowd.document(crowd.findings())
    out = io.StringIO()
    console = Console(
        file=out,
        width=100,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        markup=False,
    )
    console.print(summary(document, drawn))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert plain == shown(document, drawn)
    assert "\x1b[1;31mcritical" in out.getvalue()


def test_many_findings_and_inputs_are_cut_short_and_counted() -> None:
    findings = [crowd.finding("volume", {"account_id": f"a{k}"}) for k in range(40)]
    document = crowd.document(findings)
    document["inputs"] *= 10
    text = shown(document)
    assert "and 28 more in the JSON" in text
    assert "14 more" in text


def test_nothing_found_has_no_table_of_findings() -> None:
    text = shown(crowd.document([]), page="report.html")
    assert "Nothing crossed a bound" in text
    assert "severity" not in text
    assert "--html" not in text


def test_an_empty_lake_can_be_told() -> None:
    totals = {"exchanges": 0, "accounts": 0, "output_tokens": None}
    assert "No exchange to look at" in shown(crowd.document([], totals=totals, period=None))


def test_without_tokens_there_are_no_columns_for_them() -> None:
    table = crowd.exchanges(days=1, people=3, known=("ts_us", "source_ip"))
    pictures = collect(crowd.lake(table), crowd.swept())
    text = shown(crowd.document([]), pictures)
    assert "top by requests: address" in text
    assert "price" not in text.lower().split("top by requests")[1]


def test_a_detector_of_two_accounts_names_both() -> None:
    one = crowd.finding("twins", {"account_id": "a"}, peer={"account_id": "b"})
    assert terminal.subject_text(one) == "a \u00b7 with b"
    assert terminal.subject_text(crowd.finding("odd", {})) == "\u2013"


@pytest.mark.parametrize(("to_stderr", "name"), [(False, "out"), (True, "err")])
def test_it_goes_where_it_is_told(
    capsys: pytest.CaptureFixture[str], to_stderr: bool, name: str
) -> None:
    print_summary(crowd.document([]), to_stderr=to_stderr)
    captured = capsys.readouterr()
    assert "Nothing crossed a bound" in getattr(captured, name)
    assert getattr(captured, "err" if name == "out" else "out") == ""


def test_a_stream_of_ascii_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
    findings = [crowd.finding("volume", {"account_id": "Zoë"}, severity=Severity.HIGH)]
    print_summary(crowd.document(findings))
    assert b"2x" in raw.getvalue()
    assert rb"Zo\xeb" in raw.getvalue()


def test_one_name_can_be_made_printable() -> None:
    assert printable("a\x1bb") == r"a\x1bb"
    assert len(printable("x" * 500)) == 200

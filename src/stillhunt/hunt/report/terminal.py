"""The report in the terminal: at most 100 columns, readable without colour.

Everything that came out of a log is shown escaped and as plain text, so that neither a
terminal escape nor a piece of markup in a user name can paint on an analyst's screen.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from stillhunt.hunt.report.bounds import baseline_text
from stillhunt.hunt.report.document import read_findings
from stillhunt.hunt.report.figures import (
    DASH,
    TIMES,
    clock,
    compact,
    count,
    money,
    plain,
    plural,
    times,
    us,
)
from stillhunt.hunt.report.panels import Pictures, Spend
from stillhunt.hunt.report.story import Piece, Story, tell
from stillhunt.hunt.report.suspects import KINDS, began_us
from stillhunt.hunt.report.visible import visible
from stillhunt.model.finding import Finding

__all__ = [
    "WIDTH",
    "baseline_text",
    "figure",
    "print_summary",
    "printable",
    "subject_text",
    "summary",
]

WIDTH = 100
"""Widest line [columns]."""
FINDINGS = 12  # lines; the rest is in the JSON
TOP = 6
NAME = 34

_SEVERITY = {1: ("info", "dim"), 2: ("low", "cyan"), 3: ("medium", "yellow"),
             4: ("high", "red"), 5: ("critical", "bold red")}  # fmt: skip
_ANSWERED = {"yes": "green", "partly": "yellow", "no": "dim"}
_PIECE = {"plain": "", "name": "bold", "figure": "bold", "code": "italic"}
_ASCII = str.maketrans({TIMES: "x", DASH: "-", "…": "~", "·": "|", "─": "-", "—": "-"})


def printable(text: object, limit: int = 200) -> str:
    """Return *text* from a log so that a terminal shows it and does nothing else."""
    return visible(text, limit)


def print_summary(
    document: Mapping[str, Any],
    pictures: Pictures | None = None,
    *,
    to_stderr: bool = False,
    quarantine: Path | str | None = None,
    page: Path | str | None = None,
) -> None:
    """Print the report, in colour where standard output (or error) is a terminal.

    Args:
        document: As ``document.build`` made it.
        pictures: Who took what; without them there are no top tables and no price.
        to_stderr: Standard output is busy with the JSON.
        quarantine: File that holds every reject.
        page: File of the page, if one was written; else its option is pointed out.
    """
    stream = sys.stderr if to_stderr else sys.stdout
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    console.width = min(WIDTH, console.width)
    with console.capture() as held:
        console.print(summary(document, pictures, quarantine=quarantine, page=page))
    _write(stream, held.get())


def summary(
    document: Mapping[str, Any],
    pictures: Pictures | None = None,
    *,
    quarantine: Path | str | None = None,
    page: Path | str | None = None,
) -> RenderableType:
    """Return the report as one thing that rich can print."""
    story = tell(document, pictures)
    parts: list[RenderableType] = [Text(), *_story(story), Text(), _inputs(document, quarantine)]
    parts += [Text(), _coverage(document["detectors"])]
    if pictures is not None:
        tops = (("account", pictures.accounts), ("address", pictures.addresses))
        for word, spends in tops:
            if spends:
                parts += [Text(), _top(word, spends, pictures)]
    if document["campaigns"]:
        parts += [Text(), *_campaigns(document["campaigns"])]
    findings = read_findings(document)
    if findings:
        parts += [Text(), *_findings(findings, document)]
    parts += [Text(), *_next(document, page)]
    return Group(*parts)


def subject_text(finding: Finding, limit: int = NAME) -> str:
    """Return whom *finding* is about, in one line of at most *limit* characters a name."""
    named = [visible(v, limit) for k, v in finding.subject.items() if k in KINDS and v is not None]
    more = [visible(v, limit) for k, v in finding.subject.items() if k not in KINDS]
    if finding.peer:
        more += ["with " + ", ".join(visible(v, limit) for v in finding.peer.values())]
    return " · ".join(named + more) or DASH


def figure(finding: Finding, is_rule: bool) -> str:
    """Return what was measured: times the bound for a rule, else the statistic."""
    return times(finding.statistic) if is_rule else plain(float(finding.statistic))


def _story(story: Story) -> Iterable[RenderableType]:
    yield Text(story.title, style="bold")
    yield _prose(story.said)
    if story.sure:
        yield Text()
        yield _prose(story.sure, style="dim")


def _prose(pieces: Iterable[Piece], style: str = "") -> Text:
    text = Text(style=style)
    for piece in pieces:
        text.append(visible(piece.text, 400 if piece.kind == "plain" else 40), _PIECE[piece.kind])
    return text


def _grid(*columns: tuple[str, str], ratio: int | None = None) -> Table:
    """Return a table without lines: (heading, justify) for each column."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for place, (heading, side) in enumerate(columns):
        table.add_column(
            heading,
            justify="right" if side == "right" else "left",
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if place == ratio else None,
        )
    return table


def _inputs(document: Mapping[str, Any], quarantine: Path | str | None) -> RenderableType:
    table = _grid(
        ("input", "left"), ("format", "left"), ("lines", "right"), ("", "left"),
        ("exchanges", "right"), ("", "left"), ("rejects", "right"),
    )  # fmt: skip
    inputs = document["inputs"]
    for one in inputs[:TOP]:
        table.add_row(
            Text(visible(one["path"], NAME)), Text(visible(one["reader"], 20)),
            count(one["lines"]), "=", count(one["rows"]), "+", count(one["rejects"]),
        )  # fmt: skip
    if len(inputs) > TOP:
        rest = inputs[TOP:]
        lines, rows, bad = (sum(o[k] for o in rest) for k in ("lines", "rows", "rejects"))
        name = f"{len(rest):,} more"
        table.add_row(name, "", count(lines), "=", count(rows), "+", count(bad))
    rejects = sum(one["rejects"] for one in inputs)
    notes: list[Text] = []
    if known := sum(one.get("known_lines", 0) for one in inputs):
        note = Text(f"{plural(known, 'line')} more were in the lake already, from an earlier run")
        notes.append(note)
    if not rejects:
        return Group(table, *notes)
    where = f"Rejected lines, with reasons: {visible(quarantine)}" if quarantine else ""
    return Group(table, *notes, *_reasons(document["rejects"]), *([Text(where)] if where else []))


def _reasons(rejects: Sequence[Mapping[str, Any]]) -> Iterable[Text]:
    """Yield the commonest reasons among the listed rejects."""
    counted: dict[str, int] = {}
    for one in rejects:
        counted[one["reason"]] = counted.get(one["reason"], 0) + 1
    for reason, number in sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:3]:
        yield Text(f"  {number:,} {TIMES} {visible(reason, 70)}", style="dim")


def _coverage(detectors: Sequence[Mapping[str, Any]]) -> Table:
    allows = any(one["allowed"] for one in detectors)
    columns = [("hunt", "left"), ("answered", "left"), ("found", "right")]
    columns += [("allowed", "right")] if allows else []
    table = _grid(*columns, ("not in this source", "left"))
    for one in detectors:
        needs = ", ".join(visible(name, 40) for name in one["missing"])
        if needs:
            needs = ("needs " if one["answered"] == "no" else "without ") + needs
        table.add_row(
            Text(visible(one["name"], 24)),
            Text(one["answered"], style=_ANSWERED[one["answered"]]),
            count(one["findings"]) if one["answered"] != "no" else DASH,
            *([count(one["allowed"]) if one["allowed"] else ""] if allows else []),
            Text(needs, style="dim"),
        )
    return table


def _top(word: str, spends: Sequence[Spend], pictures: Pictures) -> Table:
    other = "addresses" if word == "account" else "accounts"
    has_tokens = pictures.output_tokens is not None
    has_others = any(one.others for one in spends)
    columns = [(f"top by {'output tokens' if has_tokens else 'requests'}: {word}", "left")]
    columns += [("requests", "right")]
    columns += [("output tokens", "right"), ("price", "right")] if has_tokens else []
    columns += [(other, "right")] if has_others else []
    table = _grid(*columns)
    for one in spends[:TOP]:
        row: list[RenderableType] = [Text(visible(one.name, NAME)), count(one.requests)]
        if has_tokens:
            row += [compact(one.output_tokens), money(one.cost, pictures.currency)]
        if has_others:
            row += [count(one.others)]
        table.add_row(*row)
    return table


def _campaigns(campaigns: Sequence[Mapping[str, Any]]) -> Iterable[RenderableType]:
    table = _grid(
        ("campaign", "left"), ("accounts", "right"), ("possible", "right"),
        ("requests", "right"), ("output tokens", "right"), ("evidence", "left"),
        ("since, UTC", "left"),
    )  # fmt: skip
    for one in campaigns[:TOP]:
        word, style = _SEVERITY[one["severity"]]
        families = dict.fromkeys(claim["family"] for claim in one["evidence"])
        table.add_row(
            Text(word, style=style), count(len(one["accounts"])), count(len(one["possible"])),
            count(one["exchanges"]), compact(one["output_tokens"]),
            Text(visible(", ".join(str(name) for name in families), 32)),
            clock(us(one["first_seen"])) if one["first_seen"] else DASH,
        )  # fmt: skip
    yield table
    if len(campaigns) > TOP:
        yield Text(f"… and {len(campaigns) - TOP:,} more in the JSON (--json)", style="dim")


def _findings(
    findings: Sequence[Finding], document: Mapping[str, Any]
) -> Iterable[RenderableType]:
    rules = {one["name"] for one in document["detectors"] if one["kind"] == "rule"}
    counted = [one for one in findings if one.allowed is None]
    counted.sort(key=lambda one: (-one.severity, -one.statistic, one.detector, one.id))
    table = _grid(
        ("severity", "left"), ("found by", "left"), ("subject", "left"), ("figure", "right"),
        ("since, UTC", "left"), ratio=2,
    )  # fmt: skip
    table.expand = True
    for one in counted[:FINDINGS]:
        word, style = _SEVERITY[int(one.severity)]
        table.add_row(
            Text(word, style=style), Text(visible(one.detector, 20)),
            Text(subject_text(one)), figure(one, one.detector in rules),
            clock(began_us(one)),
        )  # fmt: skip
    if counted:
        yield table
    if len(counted) > FINDINGS:
        yield Text(f"… and {len(counted) - FINDINGS:,} more in the JSON (--json)", style="dim")
    if allowed := len(findings) - len(counted):
        yield Text(f"{plural(allowed, 'finding')} allowed by [[allow]], not counted above")
    yield Text(f"{TIMES} = times the rule's bound; severity is the rule's own", style="dim")


def _next(document: Mapping[str, Any], page: Path | str | None) -> Iterable[Text]:
    start, end = (document["period"][key] for key in ("from", "to"))
    if start is not None:
        yield Text(f"Log time {clock(us(start))} to {clock(us(end))} UTC", style="dim")
    for note in document.get("notes", ()):
        yield Text(f"Note: {note}.")
    hints = []
    if page is None:
        hints.append(("--html report.html", "pictures, evidence and how to check it by hand"))
    if document["findings"]:
        hints.append(("stillhunt rules baseline", "where the bounds stand in your own traffic"))
    for command, why in hints:
        yield Text.assemble("Next: ", (command, "bold"), f"  {why}")


def _write(stream: TextIO, text: str) -> None:
    """Write *text*, in plain ASCII where the stream cannot carry more."""
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower()
    if not encoding.replace("-", "").startswith("utf"):
        text = text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    stream.write(text)
    stream.flush()

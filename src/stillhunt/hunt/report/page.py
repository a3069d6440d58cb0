"""The report as one HTML file: no network, no inline style, readable without a script.

The policy in its head allows the one style sheet and the one script that it carries, by
their hashes, and nothing else; so even a name that got past the escaping could not run.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from stillhunt.hunt.report import charts, figures
from stillhunt.hunt.report.byhand import VIEW, check_sql
from stillhunt.hunt.report.document import read_findings
from stillhunt.hunt.report.notes import Note, notes
from stillhunt.hunt.report.panels import Pictures, Traffic
from stillhunt.hunt.report.story import tell
from stillhunt.hunt.report.suspects import KINDS, began_us, notable, rank
from stillhunt.hunt.report.visible import visible
from stillhunt.model.errors import ConfigError
from stillhunt.model.finding import Finding, Severity, Value

if TYPE_CHECKING:
    from stillhunt.hunt.sweep import Coverage

__all__ = ["LISTED", "render", "write_page"]

LISTED = 200
"""Findings that the page lists with their evidence; the JSON has them all."""
ROWS = 100  # rows of a table that only repeats a picture
QUERY = 60_000  # characters of one query


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """One finding, ready to be laid out."""

    finding: Finding
    severity: str
    names: tuple[Value, ...]
    figure: str
    since_us: int
    evidence: tuple[tuple[str, Value], ...]
    note: Note | None
    sql: str


@dataclass(frozen=True, kw_only=True)
class _Reason:
    """Rejects of one reason, with the first of them."""

    reason: str
    number: int
    path: str
    line: int


def render(
    document: Mapping[str, Any], pictures: Pictures, *, detectors: Sequence["Coverage"] = ()
) -> str:
    """Return the page.

    Args:
        document: As ``document.build`` made it.
        pictures: As ``pictures.collect`` asked for it, drawings included.
        detectors: The coverage of the sweep, whose queries are printed.
    """
    findings = sorted(read_findings(document), key=_gravity)
    counted = [one for one in findings if one.allowed is None]
    marked = notable(rank(findings))
    rules = {one["name"] for one in document["detectors"] if one["kind"] == "rule"}
    rows = pictures.scatter.points if pictures.scatter else ()
    css, js = _asset("page.css"), _asset("page.js")
    made: str = _template().render(
        document=document,
        pictures=pictures,
        story=tell(document, pictures),
        charts=charts,
        css=Markup(css),  # noqa: S704 - our own file
        js=Markup(js),  # noqa: S704 - our own file
        policy=_policy(css, js),
        notes=_notes(document),
        has_tokens=pictures.output_tokens is not None,
        has_others=any(one.others for one in (*pictures.accounts, *pictures.addresses)),
        accused={one.name for one in marked},
        accused_names=sum(one.kind == pictures.who for one in marked),
        counted=counted,
        allowed=[one for one in findings if one.allowed is not None],
        severities=_severities(counted),
        severity_names={int(one): one.name.lower() for one in Severity},
        shown=[_shown(one, rules) for one in findings[:LISTED]],
        left_out=max(0, len(findings) - LISTED),
        queries={one.name: one.sql[:QUERY] for one in detectors if one.sql},
        view=VIEW,
        traffic_rows=_traffic_rows(pictures.traffic, pictures.output_tokens is not None),
        scatter_rows=sorted(rows, key=lambda p: (not p.suspect, -p.requests))[:ROWS],
        reasons=_reasons(document["rejects"]),
        rejects_total=sum(one["rejects"] for one in document["inputs"]),
        period=_period(document["period"]),
        length=_length(document["period"]),
        made=f"{document['created_at'][:16].replace('T', ' ')} UTC",
    )
    return made


def write_page(
    path: Path,
    document: Mapping[str, Any],
    pictures: Pictures,
    detectors: Sequence["Coverage"] = (),
) -> None:
    """Write the page to *path*, whole or not at all.

    Raises:
        ConfigError: The file cannot be written.
    """
    text = render(document, pictures, detectors=detectors)
    half = path.with_name(f".{path.name}.half")
    try:
        half.write_text(text, encoding="utf-8", errors="backslashreplace")
        half.replace(path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise ConfigError(f"cannot write the page {path}: {error}") from error


@cache
def _template() -> Any:  # noqa: ANN401 - jinja2's own type is untyped in places
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "amount": lambda value: figures.money(value, "").strip(),
        "clock": figures.clock,
        "moment": lambda text: figures.clock(figures.us(text)) if text else "",
        "compact": figures.compact,
        "count": figures.count,
        "money": figures.money,
        "plain": figures.plain,
        "share": figures.share,
        "span": figures.span,
        "visible": visible,
    }
    return environment.from_string(_asset("page.html.j2"))


@cache
def _asset(name: str) -> str:
    return files("stillhunt.hunt.report").joinpath(name).read_text(encoding="utf-8")


def _policy(css: str, js: str) -> str:
    """Return the content security policy: what this page may do, which is nearly nothing."""
    return (
        f"default-src 'none'; style-src '{_hash(css)}'; script-src '{_hash(js)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _gravity(one: Finding) -> tuple[bool, int, float, str]:
    return (one.allowed is not None, -one.severity, -one.statistic, one.id)


def _notes(document: Mapping[str, Any]) -> dict[str, Note | None]:
    return {one["name"]: notes().get(one["name"]) for one in document["detectors"]}


def _shown(finding: Finding, rules: set[str]) -> _Shown:
    named = [v for k, v in finding.subject.items() if k in KINDS and v is not None]
    more = [v for k, v in finding.subject.items() if k not in KINDS]
    is_rule = finding.detector in rules
    told = figures.times(finding.statistic) if is_rule else figures.plain(float(finding.statistic))
    evidence = {("times its bound" if is_rule else "statistic"): finding.statistic}
    return _Shown(
        finding=finding,
        severity=finding.severity.name.lower()
        if finding.severity > Severity.INFORMATIONAL
        else "info",
        names=tuple(named + more),
        figure=told,
        since_us=began_us(finding),
        evidence=(*evidence.items(), *finding.evidence.items()),
        note=notes().get(finding.detector),
        sql=check_sql(finding),
    )


def _severities(findings: Sequence[Finding]) -> list[str]:
    """Return "2 critical", "1 high" ... for those that there are."""
    counted = {
        s: sum(one.severity == s for one in findings) for s in sorted(Severity, reverse=True)
    }
    return [f"{n:,} {s.name.lower()}" for s, n in counted.items() if n and s >= Severity.MEDIUM]


def _traffic_rows(traffic: Traffic | None, has_tokens: bool) -> list[tuple[int, tuple[int, ...]]]:
    if traffic is None:
        return []
    bands = [one.output_tokens if has_tokens else one.requests for one in traffic.series]
    return [
        (traffic.start_us + step * traffic.step_us, row)
        for step, row in enumerate(zip(*bands, strict=True))
    ]


def _reasons(rejects: Sequence[Mapping[str, Any]]) -> list[_Reason]:
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for one in rejects:
        grouped.setdefault(one["reason"], []).append(one)
    made = [
        _Reason(reason=reason, number=len(those), path=those[0]["path"], line=those[0]["line"])
        for reason, those in grouped.items()
    ]
    return sorted(made, key=lambda one: (-one.number, one.reason))[:ROWS]


def _period(period: Mapping[str, str | None]) -> str:
    start, end = period["from"], period["to"]
    if start is None or end is None:
        return "no exchange"
    return (
        f"{figures.clock(figures.us(start))} {figures.DASH} {figures.clock(figures.us(end))} UTC"
    )


def _length(period: Mapping[str, str | None]) -> str:
    start, end = period["from"], period["to"]
    if start is None or end is None:
        return "none"
    return f"over {figures.span(figures.us(end) - figures.us(start))}"

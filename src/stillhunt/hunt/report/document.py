"""The report as one JSON document, ``stillhunt.report/1``."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from stillhunt import __version__
from stillhunt.hunt.report import shape
from stillhunt.hunt.report.figures import rfc3339, us
from stillhunt.hunt.report.shape import report_schema
from stillhunt.model.finding import Finding, Severity

if TYPE_CHECKING:
    from stillhunt.hunt.ingest import InputReport
    from stillhunt.hunt.source import Reject
    from stillhunt.hunt.sweep import Coverage, SweepResult

__all__ = ["LISTED_REJECTS", "build", "finding_line", "read_findings", "report_schema"]

LISTED_REJECTS = 1_000
"""Rejects that a report lists; the quarantine file has them all (INTERFACES 1)."""


def build(
    inputs: Sequence["InputReport"],
    result: "SweepResult",
    *,
    created_at: datetime,
    rejects: Iterable["Reject"] = (),
    events: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the report as plain lists, mappings, text and finite numbers.

    Args:
        inputs: What was ingested, in the order given on the command line.
        result: What the sweep found.
        created_at: Now, with a time zone; the clock is an argument.
        rejects: Lines that are no exchanges; the first ``LISTED_REJECTS`` are listed.
        events: Moments everyone saw: ``ts_us``, ``kind``, ``name``, ``model``.

    Raises:
        pydantic.ValidationError: A part of the result is not of the published shape.
    """
    start, end = result.period if result.period is not None else (None, None)
    report = shape.Report(
        version=__version__,
        created_at=created_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        inputs=[_input(one) for one in inputs],
        period=shape.Period(**{"from": rfc3339(start), "to": rfc3339(end)}),
        totals=shape.Totals.model_validate(_finite(dict(result.totals))),
        detectors=[_detector(one) for one in result.detectors],
        findings=[finding_line(one) for one in result.findings],
        accounts=[shape.Account.model_validate(_finite(one)) for one in result.accounts],
        campaigns=[shape.Campaign.model_validate(_finite(one)) for one in result.campaigns],
        rejects=[
            shape.RejectLine(path=_text(one.path), line=one.line, reason=_text(one.reason))
            for one in islice(rejects, LISTED_REJECTS)
        ],
        events=[
            shape.Event.model_validate(_finite({"ts": rfc3339(one["ts_us"])} | dict(one)))
            for one in events
        ],
        notes=list(result.notes),
    )
    return report.model_dump(mode="json", by_alias=True)


def finding_line(finding: Finding) -> shape.FindingLine:
    """Return *finding* in its published shape."""
    return shape.FindingLine(
        id=finding.id,
        detector=finding.detector,
        family=finding.family,
        severity=int(finding.severity),
        subject=_finite(finding.subject),
        peer=None if finding.peer is None else _finite(finding.peer),
        statistic=_finite(finding.statistic),
        p_value=_finite(finding.p_value),
        n=finding.n,
        first_seen=str(rfc3339(finding.first_seen_us)),
        last_seen=str(rfc3339(finding.last_seen_us)),
        evidence=_finite(finding.evidence),
        allowed=finding.allowed,
        first_alert_at=rfc3339(finding.first_alert_us),
    )


def read_findings(document: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Return the findings of a report, as the sweep made them."""
    return tuple(_read(line) for line in document["findings"])


def _read(line: Mapping[str, Any]) -> Finding:
    return Finding(
        id=line["id"],
        detector=line["detector"],
        family=line["family"],
        severity=Severity(line["severity"]),
        subject=line["subject"],
        peer=line["peer"],
        statistic=math.nan if line["statistic"] is None else line["statistic"],
        p_value=line["p_value"],
        n=line["n"],
        first_seen_us=us(line["first_seen"]),
        last_seen_us=us(line["last_seen"]),
        evidence=line["evidence"],
        allowed=line.get("allowed"),
        first_alert_us=us(line["first_alert_at"]) if line.get("first_alert_at") else None,
    )


def _input(one: "InputReport") -> shape.Input:
    return shape.Input(
        path=_text(one.path),
        reader=one.reader or "none",
        lines=one.lines,
        rows=one.rows,
        rejects=one.rejects,
        known_lines=one.known_lines,
    )


def _detector(one: "Coverage") -> shape.Detector:
    return shape.Detector.model_validate(
        {
            "name": one.name,
            "kind": one.kind,
            "family": one.family,
            "answered": one.answered,
            "needs": list(one.needs),
            "uses": list(one.uses),
            "missing": list(one.missing),
            "findings": one.findings,
            "allowed": one.allowed,
            "seconds": round(one.seconds, 4),
        }
    )


def _finite(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Return *value* with numbers that JSON has no word for as None, and text as Unicode."""
    if isinstance(value, Mapping):
        return {_text(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value.item() if hasattr(value, "item") else value


def _text(value: object) -> str:
    """Return *value* as text that UTF-8 can carry: file names may hold lone surrogates."""
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")

"""A question to ask of a lake at a moment, and how an answer's row becomes a finding."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import duckdb

from stillhunt.hunt.slices import Slice
from stillhunt.model.finding import Finding, Severity, Value, finding_id

__all__ = ["Moment", "Question", "Row", "finding_of", "in_order", "rows_of"]

Row = dict[str, Any]
CLAIM = ("severity", "statistic", "n", "first_seen", "last_seen")
"""Columns that a query names and a finding keeps; all others but the subject are evidence."""


@dataclasses.dataclass(frozen=True)
class Moment:
    """What a sweep looks at."""

    con: duckdb.DuckDBPyConnection
    """With the view ``exchanges``: what is swept."""
    history: duckdb.DuckDBPyConnection
    """The same without a lower bound: where episodes may have begun."""
    slices: Sequence[Slice]
    until_us: int
    past: Sequence[Slice] = ()
    """Stretches of *history*, where it is more than what is swept."""
    since_us: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Question:
    """A rule or a detector, ready to be asked at any moment."""

    name: str
    kind: Literal["rule", "detector"]
    family: str
    needs: tuple[str, ...]
    either: tuple[str, ...]
    uses: tuple[str, ...]
    accounts: tuple[str, ...] = ()
    """Columns of the account directory without which there is no answer."""
    find: Callable[[Moment], list[Finding]]
    """Returns the findings, sorted by subject and begin."""
    sql: Callable[[Moment], str]
    """Returns the query, as an analyst would run it by hand."""


def rows_of(con: duckdb.DuckDBPyConnection, sql: str) -> Iterator[Row]:
    """Yield the rows of a query by column name."""
    answer = con.execute(sql)
    names = [column[0] for column in answer.description or ()]
    while batch := answer.fetchmany(10_000):
        for row in batch:
            yield dict(zip(names, row, strict=True))


def finding_of(
    name: str,
    family: str,
    subject: Mapping[str, Value],
    row: Row,
    *,
    began_us: int,
    peer: Mapping[str, Value] | None = None,
    more: Mapping[str, Value] | None = None,
) -> Finding:
    """Return the claim that *row* makes.

    Args:
        name: The rule or detector.
        family: Its evidence family.
        subject: Whom the row is about.
        row: ``CLAIM`` and the evidence.
        began_us: When the episode began [us since epoch].
        peer: Whom it links the subject to.
        more: Evidence that is not in the row.
    """
    skipped = {*CLAIM, *subject}
    evidence = {key: value for key, value in row.items() if key not in skipped}
    return Finding(
        id=finding_id(name, subject if peer is None else {**subject, "peer": str(peer)}, began_us),
        detector=name,
        family=family,
        severity=Severity(row.get("severity") or Severity.INFORMATIONAL),
        subject=subject,
        peer=peer,
        statistic=float(row["statistic"]),
        n=int(row["n"]),
        first_seen_us=int(row["first_seen"]),
        last_seen_us=int(row["last_seen"]),
        evidence=evidence | dict(more or {}),
    )


def in_order(finding: Finding) -> tuple[str, int]:
    """Return what findings are sorted by: subject, then begin."""
    return (repr(sorted(finding.subject.items())), finding.first_seen_us)

"""From rows to findings: run a rule or a detector, and say when its episodes began."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal, Protocol, cast

import duckdb
import numpy as np
import numpy.typing as npt

from stillhunt.hunt.beginnings import beginnings
from stillhunt.hunt.episodes import starts
from stillhunt.hunt.parameters import Value as Told
from stillhunt.hunt.report.figures import rfc3339
from stillhunt.hunt.rule import Rule
from stillhunt.hunt.rule_sql import render, rule_sql
from stillhunt.hunt.slices import Slice
from stillhunt.model.finding import Finding, Severity, Value, finding_id

__all__ = [
    "Detector",
    "Moment",
    "Question",
    "ask_detector",
    "ask_rule",
    "detector_sql",
    "stretches_of",
]

Row = dict[str, Any]
Ints = npt.NDArray[np.int64]
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


class Detector(Protocol):
    """What a part in ``hunt/detectors`` has to offer; it is a dataclass of its parameters.

    It may also declare ``uses`` and ``either`` (as a rule does) and ``subject``, the columns
    of its rows that name whom it is about. Without ``subject`` the rows have a column of that
    name, and maybe ``peer``, that hold accounts.
    """

    @property
    def needs(self) -> tuple[str, ...]:
        """Return the columns without which there is no answer."""
        ...

    @property
    def family(self) -> str:
        """Return the evidence family."""
        ...

    @property
    def query(self) -> str:
        """Return the query in the portable subset, with its parameters as ``:name``."""
        ...


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


def ask_rule(rule: Rule, values: Mapping[str, Told]) -> Question:
    """Return *rule* with the parameters *values* as a question."""
    form = _FORMS[rule.window.kind]
    return Question(
        name=rule.name,
        kind="rule",
        family=rule.family,
        needs=rule.needs,
        either=rule.either,
        uses=rule.uses,
        accounts=rule.of_accounts,
        find=lambda moment: sorted(form(rule, values, moment), key=_order),
        sql=lambda moment: _rule_sql(rule, values, moment),
    )


def detector_sql(detector: Detector) -> str:
    """Return a detector's query with its parameters written in."""
    return render(detector.query, dataclasses.asdict(cast("Any", detector)))


def ask_detector(name: str, detector: Detector) -> Question:
    """Return *detector* as a question.

    Its episode is the whole period swept, so it begins with the first exchange.
    """
    sql = detector_sql(detector)
    return Question(
        name=name,
        kind="detector",
        family=detector.family,
        needs=tuple(detector.needs),
        either=tuple(getattr(detector, "either", ())),
        uses=tuple(getattr(detector, "uses", ())),
        find=lambda moment: sorted(_claims(name, detector, sql, moment), key=_order),
        sql=lambda _: sql,
    )


def _claims(name: str, detector: Detector, sql: str, moment: Moment) -> Iterator[Finding]:
    """Yield what *detector* finds; its episodes begin where the lake's history says."""
    began: dict[str, int] = {}
    if moment.history is not moment.con:
        for row in _rows(moment.history, sql):
            began[_subject_text(_subject(detector, row))] = int(row["first_seen"])
    for row in _rows(moment.con, sql):
        subject = _subject(detector, row)
        begin = began.get(_subject_text(subject), int(row["first_seen"]))
        yield _claim(name, detector, subject, row, begin)


def _subject(detector: Detector, row: Row) -> dict[str, Value]:
    """Take the subject out of *row*."""
    declared: Sequence[str] | None = getattr(detector, "subject", None)
    if declared is None:
        return {"account_id": row.pop("subject")}
    return {column: row.pop(column) for column in declared}


def _subject_text(subject: Mapping[str, Value]) -> str:
    return json.dumps(dict(subject), sort_keys=True)


def _rule_sql(rule: Rule, values: Mapping[str, Told], moment: Moment) -> str:
    if rule.window.kind == "lookback":
        length = int(values[str(rule.window.parameter)])
        return rule_sql(rule, values, moment.until_us - length, moment.until_us)
    if rule.table == "directory":
        return rule_sql(rule, values, 0, moment.until_us)
    first = moment.slices[0].from_us if moment.slices else moment.until_us
    return rule_sql(rule, values, first, moment.until_us)


def _rows(con: duckdb.DuckDBPyConnection, sql: str) -> Iterator[Row]:
    answer = con.execute(sql)
    names = [column[0] for column in answer.description or ()]
    while batch := answer.fetchmany(10_000):
        for row in batch:
            yield dict(zip(names, row, strict=True))


def _claim(
    name: str, detector: Detector, subject: Mapping[str, Value], row: Row, began_us: int
) -> Finding:
    """Turn one row into a finding; a ``peer`` column names another account."""
    peer = row.pop("peer", None)
    return _finding(
        name,
        detector.family,
        subject,
        row,
        began_us=began_us,
        peer=None if peer is None else {"account_id": peer},
    )


def _finding(
    name: str,
    family: str,
    subject: Mapping[str, Value],
    row: Row,
    *,
    began_us: int,
    peer: Mapping[str, Value] | None = None,
    more: Mapping[str, Value] | None = None,
) -> Finding:
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


def _lookback(rule: Rule, values: Mapping[str, Told], moment: Moment) -> Iterator[Finding]:
    if rule.window.began == "first_seen":
        yield from _since_first(rule, values, moment)
        return
    rows = list(_rows(moment.con, _rule_sql(rule, values, moment)))
    subjects = [tuple(row[name] for name in rule.subject) for row in rows]
    began = beginnings(moment.history, rule, values, subjects, moment.until_us)
    for row, subject, since in zip(rows, subjects, began, strict=True):
        begin = row["first_seen"] if since is None else since
        yield _of_rule(rule, values, dict(zip(rule.subject, subject, strict=True)), row, begin)


def _since_first(rule: Rule, values: Mapping[str, Told], moment: Moment) -> Iterator[Finding]:
    """Ask the whole history; an episode begins with what the rule calls first seen."""
    for row in _rows(moment.history, _rule_sql(rule, values, moment)):
        if moment.since_us is None or row["last_seen"] >= moment.since_us:
            subject = {name: row[name] for name in rule.subject}
            yield _of_rule(rule, values, subject, row, int(row["first_seen"]))


def _of_rule(
    rule: Rule,
    values: Mapping[str, Told],
    subject: Mapping[str, Value],
    row: Row,
    began_us: int,
) -> Finding:
    """Return a finding whose evidence names the bounds and the begin of the episode."""
    bounds = {f"{b.above}_bound": values[b.above] for b in rule.bounds if b.by is None}
    return _finding(
        rule.name,
        rule.family,
        subject,
        row,
        began_us=began_us,
        more=bounds | {"episode_began": rfc3339(began_us)},
    )


def _bins(rule: Rule, values: Mapping[str, Told], moment: Moment) -> Iterator[Finding]:
    """Ask stretches of whole bins, then join the bins of each subject to episodes.

    Bins side by side are one episode, and so are two with less than 24 h between them.
    """
    bins: dict[tuple[Any, ...], list[Row]] = {}
    parts = moment.past or moment.slices
    for from_us, until_us in stretches_of(rule, parts, moment.until_us):
        for row in _rows(moment.history, rule_sql(rule, values, from_us, until_us)):
            bins.setdefault(tuple(row[name] for name in rule.subject), []).append(row)
    span = rule.window.span_us or 0
    for key, rows in bins.items():
        rows.sort(key=lambda row: row["bin_us"])
        first = np.array([row["bin_us"] for row in rows])
        for episode in _cut(rows, first, first + span - 1):
            if moment.since_us is None or episode[-1]["last_seen"] >= moment.since_us:
                subject = dict(zip(rule.subject, key, strict=True))
                yield _of_bins(rule, values, subject, episode)


def _of_bins(
    rule: Rule, values: Mapping[str, Told], subject: Mapping[str, Value], rows: Sequence[Row]
) -> Finding:
    """Return one episode; its evidence are the figures of the bin that stands out most."""
    peak = max(rows, key=lambda row: (row["statistic"], -row["bin_us"]))
    row = {name: value for name, value in peak.items() if name != "bin_us"} | {
        "severity": max(row["severity"] for row in rows),
        "n": sum(row["n"] for row in rows),
        "first_seen": rows[0]["first_seen"],
        "last_seen": max(row["last_seen"] for row in rows),
        "peak_bin": rfc3339(peak["bin_us"]),
        "bins_above": len(rows),
    }
    return _of_rule(rule, values, subject, row, int(rows[0]["first_seen"]))


def stretches_of(rule: Rule, parts: Sequence[Slice], until_us: int) -> Iterator[tuple[int, int]]:
    """Yield (from, until] that hold whole bins, and about as many rows as a slice of *parts*."""
    span = rule.window.span_us or 1
    if rule.table == "directory" or not parts:
        yield 0, until_us
        return
    cuts = {(part.from_us + 1) // span * span - 1 for part in parts[1:]}
    edges = [parts[0].from_us, *sorted(cut for cut in cuts if cut > parts[0].from_us)]
    yield from pairwise([*edges, parts[-1].until_us])


def _sliding(rule: Rule, values: Mapping[str, Told], moment: Moment) -> Iterator[Finding]:
    """Ask slice by slice, then join the minutes of each subject to episodes.

    With a lower bound the whole history is asked, and the episodes that reach into the swept
    period count, whole: so an episode has one begin, wherever the sweep begins.
    """
    minutes: dict[tuple[Any, ...], list[Row]] = {}
    for part in moment.past or moment.slices:
        for row in _rows(moment.history, rule_sql(rule, values, part.from_us, part.until_us)):
            minutes.setdefault(tuple(row[name] for name in rule.subject), []).append(row)
    for subject, rows in minutes.items():
        rows.sort(key=lambda row: row["first_seen"])
        first, last = (np.array([r[name] for r in rows]) for name in ("first_seen", "last_seen"))
        for episode in _cut(rows, first, last):
            if moment.since_us is not None and episode[-1]["last_seen"] < moment.since_us:
                continue
            yield _burst(rule, values, dict(zip(rule.subject, subject, strict=True)), episode)


def _cut(rows: Sequence[Row], first: Ints, last: Ints) -> Iterable[list[Row]]:
    """Return the episodes that *rows* are; each exceeds from *first* to *last* [us]."""
    edges = [*np.flatnonzero(starts(first, last)).tolist(), len(rows)]
    return [list(rows[a:b]) for a, b in pairwise(edges)]


def _burst(
    rule: Rule, values: Mapping[str, Told], subject: Mapping[str, Value], rows: Sequence[Row]
) -> Finding:
    """Return one episode; its evidence names the fullest window and when that ended."""
    (bound,) = rule.bounds
    peak = max(rows, key=lambda row: (row[bound.figure], -row["peak_us"]))
    row = {
        "severity": max(row["severity"] for row in rows),
        "statistic": peak["statistic"],
        "n": peak[bound.figure],
        "first_seen": rows[0]["first_seen"],
        "last_seen": max(row["last_seen"] for row in rows),
        bound.figure: peak[bound.figure],
        "peak_at": rfc3339(peak["peak_us"]),
        "requests_above": sum(row["requests_above"] for row in rows),
        "seconds_above": sum(row["seconds_above"] for row in rows),
        f"{bound.above}_bound": values[bound.above],
        "episode_began": rfc3339(rows[0]["first_seen"]),
    }
    return _finding(rule.name, rule.family, subject, row, began_us=row["first_seen"])


_FORMS: Mapping[str, Callable[[Rule, Mapping[str, Told], Moment], Iterator[Finding]]] = {
    "lookback": _lookback,
    "sliding": _sliding,
    "bins": _bins,
}


def _order(finding: Finding) -> tuple[str, int]:
    return (repr(sorted(finding.subject.items())), finding.first_seen_us)

"""What a rule finds: its answers, joined to episodes with a begin that does not move."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from stillhunt.hunt.beginnings import beginnings
from stillhunt.hunt.episodes import starts
from stillhunt.hunt.parameters import Value as Told
from stillhunt.hunt.question import Moment, Question, Row, finding_of, in_order, rows_of
from stillhunt.hunt.report.figures import rfc3339
from stillhunt.hunt.rule import Rule
from stillhunt.hunt.rule_sql import rule_sql
from stillhunt.hunt.slices import Slice
from stillhunt.model.finding import Finding, Value

__all__ = ["ask_rule", "stretches_of"]

Ints = npt.NDArray[np.int64]


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
        find=lambda moment: sorted(form(rule, values, moment), key=in_order),
        sql=lambda moment: _rule_sql(rule, values, moment),
    )


def _rule_sql(rule: Rule, values: Mapping[str, Told], moment: Moment) -> str:
    if rule.window.kind == "lookback":
        length = int(values[str(rule.window.parameter)])
        return rule_sql(rule, values, moment.until_us - length, moment.until_us)
    if rule.table == "directory":
        return rule_sql(rule, values, 0, moment.until_us)
    first = moment.slices[0].from_us if moment.slices else moment.until_us
    return rule_sql(rule, values, first, moment.until_us)


def _lookback(rule: Rule, values: Mapping[str, Told], moment: Moment) -> Iterator[Finding]:
    if rule.window.began == "first_seen":
        yield from _since_first(rule, values, moment)
        return
    rows = list(rows_of(moment.con, _rule_sql(rule, values, moment)))
    subjects = [tuple(row[name] for name in rule.subject) for row in rows]
    began = beginnings(moment.history, rule, values, subjects, moment.until_us)
    for row, subject, since in zip(rows, subjects, began, strict=True):
        begin = row["first_seen"] if since is None else since
        yield _of_rule(rule, values, dict(zip(rule.subject, subject, strict=True)), row, begin)


def _since_first(rule: Rule, values: Mapping[str, Told], moment: Moment) -> Iterator[Finding]:
    """Ask the whole history; an episode begins with what the rule calls first seen."""
    for row in rows_of(moment.history, _rule_sql(rule, values, moment)):
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
    return finding_of(
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
        for row in rows_of(moment.history, rule_sql(rule, values, from_us, until_us)):
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
        for row in rows_of(moment.history, rule_sql(rule, values, part.from_us, part.until_us)):
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
    return finding_of(rule.name, rule.family, subject, row, began_us=row["first_seen"])


_FORMS: Mapping[str, Callable[[Rule, Mapping[str, Told], Moment], Iterator[Finding]]] = {
    "lookback": _lookback,
    "sliding": _sliding,
    "bins": _bins,
}

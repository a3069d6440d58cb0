"""A rule as a KQL query for a person, who runs it by hand, or for a schedule, that runs it hourly.

The period ends now, and the query says where it begins, with ``ago``; with an end of its own it
names both moments. A look-back is the rule's own. Where windows slide, or bins of the clock
are asked about, the period is the day before, or as long as a schedule wants; bins are asked
about whole.
"""

from dataclasses import dataclass

from stillhunt.hunt.export import Asked
from stillhunt.hunt.kusto.expressions import bin_text
from stillhunt.hunt.kusto.literals import duration, moment, pascal
from stillhunt.hunt.kusto.query import Query, query
from stillhunt.hunt.kusto.scope import Edges
from stillhunt.hunt.kusto.tables import TABLES

__all__ = ["DAY_US", "HOUR_US", "Period", "ask_kusto", "lacking", "period"]

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US

_WITHOUT = {
    "max_tokens": "which share of it was used is unknown",
    "method": "requests of every method count",
    "network_kind": "shared networks are not told apart",
    "output_tokens": "bounds on tokens are never exceeded",
}
"""What an answer is like without a column that a rule would rather have."""


@dataclass(frozen=True)
class Period:
    """What a query looks at."""

    length_us: int | None
    """From its begin to its end, None is everything there is [us]."""
    bin_us: int | None
    """Begin at the begin of a bin so wide [us]."""
    reach_us: int
    """How long before the begin a row can still matter [us]."""

    @property
    def whole_us(self) -> int | None:
        """Return the longest time between the oldest row that matters and the end [us]."""
        if self.length_us is None:
            return None
        return self.length_us + (self.bin_us or 0) + self.reach_us


def period(asked: Asked, *, every_us: int = DAY_US) -> Period:
    """Return the period of a query, at least *every_us* long where windows have no length [us]."""
    rule = asked.rule
    reach = int(asked.values[rule.filter.reach]) if rule.filter.reach else 0
    if rule.window.kind == "lookback":
        return Period(asked.plan.length_us, None, reach)
    span = rule.window.span_us or 0
    if rule.window.kind == "sliding":
        return Period(every_us, None, span)
    # The bin that is over when the next run comes has to be seen once more, whole.
    return Period(max(every_us, span), span, reach)


def ask_kusto(asked: Asked, over: Period) -> Query:
    """Return the query of a rule.

    Raises:
        ExportError: The table lacks a column.
    """
    until = None if asked.until_us is None else moment(asked.until_us)
    after = _after(over, until)
    reach = after if after is None or not over.reach_us else f"{after} - {duration(over.reach_us)}"
    edges = Edges(after=after, closed=over.bin_us is not None, until=until)
    table = TABLES[asked.table]
    return query(asked.plan, table, edges, reach=reach, spared=asked.rule.uses)


def lacking(asked: Asked) -> tuple[str, ...]:
    """Return a sentence for each column that the rule uses and its table lacks.

    The answer is partial then, as a hunt's is on a log that does not tell these columns.
    """
    has = TABLES[asked.table].columns
    rule = asked.rule
    return tuple(
        f"no {pascal(name)} in this table: {_WITHOUT.get(name, 'what it would tell is left out')}"
        for name in dict.fromkeys((*rule.uses, *rule.either))
        if rule.table == "exchanges" and name not in has
    )


def _after(over: Period, until: str | None) -> str | None:
    if over.length_us is None:
        return None
    length = duration(over.length_us)
    begin = f"ago({length})" if until is None else f"{until} - {length}"
    return begin if over.bin_us is None else bin_text(begin, over.bin_us)

"""What a rule means, in no query language: relational steps over one table.

``rule_plan`` makes a plan of a rule; the compilers (SQL, KQL, ...) write it out. A plan knows
nothing of thresholds by name: every parameter is a value in it by now, but for the two ends of
the period, which each target says in its own way.

Unknown is NULL, as in SQL: a comparison with it is not true, aggregates leave it out, and
COUNT counts rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

__all__ = [
    "Aggregate",
    "AllOf",
    "AnyOf",
    "Bin",
    "Cases",
    "Column",
    "Compare",
    "Constant",
    "Edge",
    "Expression",
    "Extend",
    "Filter",
    "First",
    "Known",
    "Largest",
    "Member",
    "Minus",
    "Plan",
    "Prefix",
    "Previous",
    "Ratio",
    "Select",
    "Sliding",
    "Smallest",
    "SourcePrefix",
    "Step",
    "Summarize",
    "mentioned",
]


@dataclass(frozen=True)
class Column:
    """A column by its canonical name."""

    name: str


@dataclass(frozen=True)
class Constant:
    """A value that is written in."""

    value: int | float | str


@dataclass(frozen=True)
class Edge:
    """An end of the period asked about, (from, until] [us since epoch]; *shift_us* is added."""

    end: Literal["from", "until"]
    shift_us: int = 0


@dataclass(frozen=True)
class Compare:
    """True where the comparison holds; never true of an unknown."""

    left: "Expression"
    sign: Literal["=", "<>", ">", ">=", "<", "<="]
    right: "Expression"


@dataclass(frozen=True)
class Known:
    """True where the column is known."""

    name: str
    negated: bool = False


@dataclass(frozen=True)
class Member:
    """True where the column is one of *values*; negated, where it is known and none of them."""

    name: str
    values: tuple[int | str, ...]
    negated: bool = False


@dataclass(frozen=True)
class Prefix:
    """True where the text begins with *start*, case and all."""

    name: str
    start: str


@dataclass(frozen=True)
class AllOf:
    """True where every term is."""

    terms: tuple["Expression", ...]


@dataclass(frozen=True)
class AnyOf:
    """True where at least one term is."""

    terms: tuple["Expression", ...]


@dataclass(frozen=True)
class Bin:
    """The begin of the bin of the UTC clock that the time lies in [us]."""

    name: str
    width_us: int


@dataclass(frozen=True)
class SourcePrefix:
    """The /24 (IPv4) or /48 (IPv6) that an address in its shortest form lies in."""

    name: str


@dataclass(frozen=True)
class First:
    """The first of the columns that is known."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Minus:
    """A difference of two numbers or of two times [us]."""

    left: "Expression"
    right: "Expression"


@dataclass(frozen=True)
class Ratio:
    """A quotient as a floating-point number; unknown where the divisor is unknown or 0."""

    left: "Expression"
    right: "Expression"


@dataclass(frozen=True)
class Largest:
    """The largest; an unknown counts as 0."""

    of: tuple["Expression", ...]


@dataclass(frozen=True)
class Smallest:
    """The smallest; an unknown counts as 0."""

    of: tuple["Expression", ...]


@dataclass(frozen=True)
class Cases:
    """The value of the first condition that is true, else *otherwise*; None is unknown."""

    of: tuple[tuple["Expression", "Expression"], ...]
    otherwise: "Expression | None"


Expression = (
    Column | Constant | Edge | Compare | Known | Member | Prefix | AllOf | AnyOf | Bin
    | SourcePrefix | First | Minus | Ratio | Largest | Smallest | Cases
)  # fmt: skip


@dataclass(frozen=True)
class Aggregate:
    """One number per group."""

    kind: Literal["count", "sum", "mean", "min", "max"]
    of: Expression | None = None
    """None only where *kind* is ``count``."""
    where: Expression | None = None
    """Rows for which this is not true are left out."""


@dataclass(frozen=True)
class Filter:
    """Keep the rows for which *condition* is true."""

    condition: Expression


@dataclass(frozen=True)
class Extend:
    """Add columns; none refers to another of the same step."""

    columns: Mapping[str, Expression]


@dataclass(frozen=True)
class Previous:
    """Add ``previous_NAME`` of the row before, among the rows of the same *by*.

    The order is ``ts_us`` then ``exchange_id``, so that no engine decides a tie. The first row
    of each group has unknowns.
    """

    by: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Summarize:
    """One row per group: the columns of *by*, which are all that is left, and the figures."""

    by: tuple[str, ...]
    figures: Mapping[str, Aggregate]


@dataclass(frozen=True)
class Sliding:
    """At each row, count the rows of the same *by* in (t - span, t]; keep those above a bound.

    Adds the column *figure*. The filter before it lets rows up to one span before the period
    through, because they count; the filter behind it drops them.
    """

    by: str
    span_us: int
    figure: str
    above: int | float


@dataclass(frozen=True)
class Select:
    """Keep these columns, in this order."""

    names: tuple[str, ...]


Step = Filter | Extend | Previous | Summarize | Sliding | Select


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A rule, ready to be written in a target's language."""

    table: Literal["exchanges", "directory"] = "exchanges"
    joins_directory: tuple[str, ...] = ()
    """Columns of the account directory, joined by ``account_id`` before the first step; rows of
    accounts that are not in it are dropped."""
    steps: tuple[Step, ...] = field(default=())
    subject: tuple[str, ...]
    """Columns of the result that name whom a row is about."""
    length_us: int | None
    """Length of the period that one answer needs; None is everything there is [us]."""
    columns: tuple[str, ...]
    """Every column of *table* that the steps look at, sorted."""


def mentioned(one: Any) -> Iterator[str]:  # noqa: ANN401 - a step or anything inside of one
    """Yield the names of the columns that expressions inside of *one* look at."""
    match one:
        case Column(name) | Known(name) | Member(name) | Prefix(name) | Bin(name):
            yield name
        case SourcePrefix(name):
            yield name
        case First(names):
            yield from names
        case tuple():
            for part in one:
                yield from mentioned(part)
        case Mapping():
            for part in one.values():
                yield from mentioned(part)
        case _ if is_dataclass(one):
            for part in fields(one):
                yield from mentioned(getattr(one, part.name))
        case _:
            pass

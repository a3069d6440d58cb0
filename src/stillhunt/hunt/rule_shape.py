"""The parts that a rule's file is made of, and what may stand in each.

Shape only: whether the names in it are there is the business of ``rule_check``.
"""

import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from stillhunt.hunt.parameters import Kind
from stillhunt.settings import Table

__all__ = [
    "Bound",
    "Case",
    "Change",
    "Claim",
    "Condition",
    "Derive",
    "Figure",
    "Filter",
    "Graded",
    "Previous",
    "Rows",
    "RuleTest",
    "Setting",
    "Severity",
    "Stage",
    "Unit",
    "Values",
    "Window",
]

Level = Annotated[int, Field(ge=1, le=5)]
Number = int | float | str
"""A number, or the name of the parameter that holds it."""
Values = tuple[int | str, ...] | str
"""Values, or the name of the list parameter that holds them."""

Unit = Literal[
    "accounts", "addresses", "days", "hours", "input tokens", "models", "networks",
    "output tokens", "owners", "requests", "share of requests", "share of tokens", "times",
    "tokens", "",
]  # fmt: skip
"""What a parameter counts; a word that no other rule uses would tell a reader nothing.
Durations, paths and lists have none."""


class Condition(Table):
    """True or not of one row; never true where its column is unknown, but for ``apart``."""

    column: str
    one_of: Values | None = None
    """The column is one of these."""
    none_of: Values | None = None
    """The column is known and none of these."""
    above: Number | None = None
    """The column is larger, strictly."""
    below: Number | None = None
    """The column is smaller, strictly."""
    differs_from: str | None = None
    """Both columns are known and not the same."""
    follows: str | None = None
    """The time column that *within* or *apart* is counted from; else the end of the period."""
    within: str | None = None
    """Less than this duration lies before the end, or at most so much behind *follows*."""
    older: str | None = None
    """More than this duration lies before the end of the period (the parameter's name)."""
    apart: str | None = None
    """With *follows*: more than this duration lies between, or *follows* is unknown."""


class Figure(Table):
    """One number per group."""

    measure: Literal["count", "sum", "mean", "share", "min", "max"]
    column: str | None = None
    """Column that is measured; NULL is unknown and left out."""
    of: str | None = None
    """Share: sum of *column* over sum of this one, over the rows where this one is positive."""
    where: tuple[Condition, ...] = Field(default=(), max_length=32)
    """Rows that count: all conditions hold. Of a share they limit the part, not the whole."""


class Stage(Table):
    """Group the rows of the stage before and measure each group."""

    by: tuple[str, ...] = Field(min_length=1)
    """Columns of a group; a rule in bins adds the bin by itself."""
    figures: dict[str, Figure] = Field(min_length=1, max_length=32)


class Bound(Table):
    """The figure has to be above the parameter, strictly."""

    figure: str
    above: str
    by: str | None = None
    """Column whose value picks the number, where the parameter is a map."""


class Window(Table):
    """The stretch of log time that a figure covers."""

    kind: Literal["lookback", "sliding", "bins"]
    parameter: str | None = None
    """Lookback: the parameter that holds its length."""
    span_us: int | None = Field(default=None, gt=0)
    """Sliding and bins: its length [us]."""
    began: Literal["bound", "first_seen"] = "bound"
    """Lookback: whether an episode began when the bound was exceeded, or with ``first_seen``."""


class Derive(Table):
    """Columns computed before anything is grouped."""

    first: dict[str, tuple[str, ...]] = Field(default_factory=dict, max_length=16)
    """New column -> columns, of which the first that is known counts."""
    bin: dict[str, int] = Field(default_factory=dict, max_length=16)
    """New column -> width of the bins of the UTC clock that the row's time falls into [us]."""


class Previous(Table):
    """Look at the row before, by time, among those with the same *by*."""

    by: tuple[str, ...] = Field(min_length=1)
    columns: tuple[str, ...] = Field(min_length=1)
    """Each becomes ``previous_COLUMN``."""


class Filter(Table):
    """Which rows count."""

    paths: str | None = None
    """The parameter that lists the paths."""
    methods: tuple[str, ...] = ()
    """HTTP methods; an exchange whose log knows no method counts."""
    known: tuple[str, ...] = ()
    """Columns that have to be known."""
    where: tuple[Condition, ...] = Field(default=(), max_length=32)
    """Conditions on columns of the table."""
    then: tuple[Condition, ...] = Field(default=(), max_length=32)
    """Conditions that may also name derived columns and those of the row before."""
    reach: str | None = None
    """With ``previous``: the parameter that says how far back a row before may lie."""


class Case(Table):
    """A level, and what makes it so: a figure above a number, or a column's value."""

    level: Level
    figure: str | None = None
    above: Number | None = None
    times: float = 1
    """The number is taken this many times."""
    column: str | None = None
    """A column of the last stage's ``by``."""
    one_of: Values | None = None


class Graded(Table):
    """The first case that holds, else the default: 1 informational to 5 critical."""

    default: Level
    cases: tuple[Case, ...] = Field(default=(), max_length=16)


def _graded(told: Any) -> Any:  # noqa: ANN401 - what stands in a file, before it is looked at
    return {"default": told} if isinstance(told, int | str) else told


Severity = Annotated[Graded, BeforeValidator(_graded, json_schema_input_type=int | Graded)]
"""A level alone, or graded by cases."""


class Setting(Table):
    """A parameter, as a rule's file declares it."""

    type: Kind
    default: int | float | str
    unit: Unit = ""
    minimum: float = 0
    maximum: float | None = None
    """The most that it can be, such as 1 of a share."""
    note: str


class Change(Table):
    """What a version of the rule changed."""

    version: int = Field(ge=1)
    date: datetime.date
    note: str


class Rows(Table):
    """One or many exchanges of a test; every other key is a column, ``{n}`` its number."""

    model_config = Table.model_config | {"extra": "allow"}

    at: str | None = None
    """Begin, after the test's midnight: ``90m``."""
    repeat: int = Field(default=1, ge=1, le=200_000)
    every: str = "1s"
    """Time between two of them; ``500ms`` is accepted, too."""


class Claim(Table):
    """A finding that a test expects; every other key is a figure of its evidence."""

    model_config = Table.model_config | {"extra": "allow"}

    subject: dict[str, str | int]
    severity: Level | None = None


class RuleTest(Table):
    """Rows in, findings out."""

    name: str
    set: dict[str, int | float | str] = Field(default_factory=dict)
    """Parameters, by their names in this rule."""
    rows: tuple[Rows, ...] = Field(default=(), max_length=1_000)
    accounts: tuple[dict[str, str | int], ...] = Field(default=(), max_length=10_000)
    """The account directory; ``repeat`` and ``{n}`` as in rows."""
    findings: tuple[Claim, ...] = ()
    """Exactly these; none means that nothing may be found."""

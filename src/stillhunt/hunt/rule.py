"""A rule: a threshold that is declared, not programmed, so that it reads the same in every SIEM.

One TOML file each in ``hunt/rules``; the file's name is the rule's name. This module says
what such a file may hold; ``rule_sql`` says what it means.

Three kinds of window. ``lookback`` asks about (until - lookback, until] and finds what
stands above a bound now. ``sliding`` asks about every moment t of the swept period and
counts in (t - span, t]; its exceedings are joined to episodes.
"""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from stillhunt.hunt.parameters import Kind, Parameter
from stillhunt.settings import Table

__all__ = ["DERIVED", "Bound", "Figure", "Filter", "Rule", "Window", "load_rules", "read_rule"]

DERIVED = {"source_prefix": "source_ip"}
"""Subjects that are computed from a column: /24 or /48 of an address."""


class Figure(Table):
    """One number per subject."""

    measure: Literal["count", "sum", "mean", "share"]
    column: str | None = None
    """Column that is summed or averaged; NULL is unknown and left out."""
    of: str | None = None
    """Share: sum of *column* over sum of this one, over the rows where this one is positive."""


class Bound(Table):
    """The figure has to be above the parameter, strictly."""

    figure: str
    above: str


class Window(Table):
    """The stretch of log time that a figure covers."""

    kind: Literal["lookback", "sliding"]
    parameter: str | None = None
    """Lookback: the parameter that holds its length."""
    span_us: int | None = Field(default=None, gt=0)
    """Sliding: its length [us]."""


class Filter(Table):
    """Which exchanges count."""

    paths: str | None = None
    """The parameter that lists the paths."""
    methods: tuple[str, ...] = ()
    """HTTP methods; an exchange whose log knows no method counts."""
    known: tuple[str, ...] = ()
    """Columns that have to be known."""


class Setting(Table):
    """A parameter, as a rule's file declares it."""

    type: Kind
    default: int | float | str
    unit: str = ""
    minimum: float = 0
    note: str


class Rule(Table):
    """One declared threshold; see the module's docstring."""

    name: str
    version: int = Field(ge=1)
    title: str
    description: str
    statistic: str
    family: Literal["content", "time", "identity", "infrastructure", "usage"]
    subject: tuple[str, ...] = Field(min_length=1)
    needs: tuple[str, ...] = ()
    """Without one of these there is no answer."""
    either: tuple[str, ...] = ()
    """Without all of these there is no answer; without some of them the answer is partial."""
    uses: tuple[str, ...] = ()
    """Without one of these the answer is partial."""
    window: Window
    filter: Filter = Filter()
    figures: dict[str, Figure]
    bounds: tuple[Bound, ...] = Field(min_length=1)
    combine: Literal["any", "all"] = "any"
    """Whether one bound exceeded is enough."""
    severity: str
    """SQL over the figures and ``:parameters``, 1 to 5."""
    look_alikes: str
    cost_to_evade: str
    source: str
    parameters: dict[str, Setting]

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        for bound in self.bounds:
            if bound.figure not in self.figures or bound.above not in self.parameters:
                raise ValueError(f"bound {bound} names a figure or parameter that is not there")
        for name in (self.window.parameter, self.filter.paths):
            if name is not None and name not in self.parameters:
                raise ValueError(f"{name!r} is no parameter of this rule")
        wanted = self.window.parameter if self.window.kind == "lookback" else self.window.span_us
        if wanted is None:
            raise ValueError(f"a {self.window.kind} window says how long it is")
        return self

    @property
    def known_parameters(self) -> tuple[Parameter, ...]:
        """Return the parameters as ``--set`` knows them."""
        return tuple(
            Parameter(
                owner=self.name,
                name=name,
                kind=setting.type,
                default=setting.default,
                unit=setting.unit,
                minimum=setting.minimum,
                note=setting.note,
            )
            for name, setting in self.parameters.items()
        )

    @property
    def required(self) -> tuple[str, ...]:
        """Return every column that the answer rests on: *needs* and *either*."""
        return self.needs + self.either


def read_rule(name: str, text: str) -> Rule:
    """Return the rule called *name* that the TOML *text* declares.

    Raises:
        ValueError: It is no TOML, or no rule.
    """
    try:
        declared: dict[str, Any] = tomllib.loads(text)
        return Rule(name=name, **declared)
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise ValueError(f"rule {name}: {error}") from error


@cache
def load_rules() -> tuple[Rule, ...]:
    """Return every rule that ships with Stillhunt, sorted by name."""
    folder = files("stillhunt.hunt.rules")
    texts = {
        entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }
    return tuple(read_rule(name, text) for name, text in sorted(texts.items()))

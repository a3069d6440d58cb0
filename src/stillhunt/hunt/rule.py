"""A rule: a threshold that is declared, not programmed, so that it reads the same in every SIEM.

One TOML file each in ``hunt/rules``, and where the settings say; the file's name is the rule's
name. This module says what such a file may hold; ``rule_plan`` says what it means.

Three kinds of window. ``lookback`` asks about (until - lookback, until] and finds what
stands above a bound now. ``sliding`` asks about every moment t of the swept period and
counts in (t - span, t]. ``bins`` asks about every bin of the UTC clock. The exceedings of the
latter two are joined to episodes.
"""

import tomllib
import uuid
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import Field, ValidationError

from stillhunt.hunt.parameters import Parameter
from stillhunt.hunt.report.visible import visible
from stillhunt.hunt.rule_check import objections
from stillhunt.hunt.rule_place import explain, line_of
from stillhunt.hunt.rule_shape import (
    Bound,
    Change,
    Derive,
    Figure,
    Filter,
    Previous,
    RuleTest,
    Setting,
    Severity,
    Stage,
    Window,
)
from stillhunt.hunt.rule_values import unfit_values
from stillhunt.model.errors import RuleError
from stillhunt.settings import Table

__all__ = [
    "DERIVED",
    "Bound",
    "Figure",
    "Filter",
    "Rule",
    "RuleFile",
    "Window",
    "load_rules",
    "read_rule",
    "rule_schema",
]

DERIVED = {"source_prefix": "source_ip"}
"""Subjects that are computed from a column: /24 or /48 of an address."""
SHOWN = 200  # characters of what a parser says; it may quote the file
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://stillhunt.example.com/rule")


class RuleFile(Table):
    """What a rule's file holds; see the module's docstring."""

    id: uuid.UUID | None = None
    """Never changes, whatever the rule is called; without one it is made of the name."""
    version: int = Field(ge=1)
    title: str
    description: str
    statistic: str
    family: Literal["content", "time", "identity", "infrastructure", "usage"]
    atlas: tuple[str, ...] = ()
    """Techniques, mitigations and case studies of MITRE ATLAS, such as AML.T0024.002."""
    owasp: tuple[str, ...] = ()
    """Entries of OWASP's list for LLM applications, such as LLM06:2026."""
    table: Literal["exchanges", "directory"] = "exchanges"
    """What the rows are: exchanges, or the accounts of the directory by ``created_at_us``."""
    subject: tuple[str, ...] = Field(min_length=1)
    needs: tuple[str, ...] = ()
    """Without one of these there is no answer."""
    either: tuple[str, ...] = ()
    """Without all of these there is no answer; without some of them the answer is partial."""
    uses: tuple[str, ...] = ()
    """Without one of these the answer is partial."""
    joins: tuple[str, ...] = ()
    """Columns of the account directory, joined by ``account_id``; no answer without them.
    Exchanges of accounts that are not in it are left out."""
    window: Window
    filter: Filter = Filter()
    derive: Derive = Derive()
    previous: tuple[Previous, ...] = Field(default=(), max_length=4)
    figures: dict[str, Figure] = Field(default_factory=dict, max_length=32)
    """One stage, grouped by *subject*."""
    stages: tuple[Stage, ...] = Field(default=(), max_length=8)
    """Several, in place of *figures*; the last is grouped by *subject* at least."""
    bounds: tuple[Bound, ...] = Field(min_length=1, max_length=16)
    combine: Literal["any", "all"] = "any"
    """Whether one bound exceeded is enough."""
    severity: Severity
    look_alikes: str
    cost_to_evade: str
    source: str
    parameters: dict[str, Setting]
    changelog: tuple[Change, ...] = ()
    """The newest one last; its version is the rule's."""
    tests: tuple[RuleTest, ...] = ()


class Rule(RuleFile):
    """One declared threshold."""

    name: str

    @property
    def uid(self) -> uuid.UUID:
        """Return the rule's fixed id."""
        return self.id or uuid.uuid5(NAMESPACE, self.name)

    @property
    def time(self) -> str:
        """Return the column that says when a row was [us since epoch]."""
        return "created_at_us" if self.table == "directory" else "ts_us"

    @property
    def all_stages(self) -> tuple[Stage, ...]:
        """Return the stages; a rule with *figures* alone has one."""
        return self.stages or (Stage(by=self.subject, figures=self.figures),)

    @property
    def last_figures(self) -> dict[str, Figure]:
        """Return the figures that a finding's evidence holds."""
        return self.all_stages[-1].figures

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
                maximum=setting.maximum,
                note=setting.note,
            )
            for name, setting in self.parameters.items()
        )

    @property
    def of_accounts(self) -> tuple[str, ...]:
        """Return the columns of the account directory without which there is no answer."""
        return (*self.joins, *(self.filter.known if self.table == "directory" else ()))

    @property
    def required(self) -> tuple[str, ...]:
        """Return every column that the answer rests on: *needs* and *either*."""
        return self.needs + self.either


def read_rule(name: str, text: str, path: str | None = None) -> Rule:
    """Return the rule called *name* that the TOML *text* declares.

    Args:
        name: The rule's name.
        text: What stands in its file.
        path: The file, for error messages.

    Raises:
        RuleError: It is no TOML, or no rule; says file, line, key and what was expected.
    """
    place = path or f"rule {name}"
    try:
        declared: dict[str, Any] = tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, or an integer of too many digits to read
        raise RuleError(f"{place}: not TOML: {visible(error, SHOWN)}") from error
    except RecursionError as error:
        raise RuleError(f"{place}: nested deeper than a rule can be") from error
    try:
        return _checked(name, declared, place, text)
    except RecursionError as error:
        raise RuleError(f"{place}: nested deeper than a rule can be") from error


def _checked(name: str, declared: dict[str, Any], place: str, text: str) -> Rule:
    """Return the rule that *declared* is, or say what is wrong with it."""
    if unfit := list(unfit_values(declared)):
        raise RuleError(explain(place, text, RuleFile, unfit))
    if "measured" in declared:
        at = line_of(text, ("measured",))
        raise RuleError(
            f"{place}{f':{at}' if at else ''}: measured is no key of a rule: what a person writes"
            " there was not measured; leave it out"
        )
    if "name" in declared:
        raise RuleError(f"{place}: name is unknown; a rule is called what its file is called")
    try:
        rule = Rule(name=name, **declared)
    except ValidationError as error:
        mistakes = [(m["loc"], m) for m in error.errors(include_url=False)]
        raise RuleError(explain(place, text, RuleFile, mistakes)) from error
    if wrong := [(loc, said) for loc, said in objections(rule)]:
        raise RuleError(explain(place, text, RuleFile, wrong))
    return rule


def rule_schema() -> dict[str, Any]:
    """Return the JSON Schema of a rule's file, as ``stillhunt schema rule`` prints it."""
    made = RuleFile.model_json_schema()
    return (
        {"$schema": "https://json-schema.org/draft/2020-12/schema"}
        | made
        | {"title": "stillhunt.rule/1"}
    )


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

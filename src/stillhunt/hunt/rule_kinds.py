"""Whether a rule compares numbers with numbers and text with text.

A database finds out only when it reads the rows, and then blames the lake; so the file is
checked against the kinds of our columns before anything is asked.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from stillhunt.hunt.directory import COLUMNS as DIRECTORY
from stillhunt.hunt.rule_place import Loc
from stillhunt.model.exchange import COLUMNS

if TYPE_CHECKING:
    from stillhunt.hunt.rule import Rule
    from stillhunt.hunt.rule_shape import Condition, Figure, Values

__all__ = ["kind_objections"]

Objection = tuple[Loc, str]
Kind = Literal["number", "text", "truth value"]
Kinds = Mapping[str, Kind]

_OURS: dict[str, Kind] = {"string": "text", "bool": "truth value"}


def kind_objections(rule: "Rule") -> Iterator[Objection]:
    """Yield each comparison of *rule* between things of two kinds.

    Names that are not there are nobody's kind; ``rule_check`` tells them.
    """
    kinds = _columns(rule)
    yield from _conditions(("filter", "where"), rule.filter.where, kinds)
    yield from _conditions(("filter", "then"), rule.filter.then, kinds)
    for k, stage in enumerate(rule.all_stages):
        loc: Loc = ("stages", k, "figures") if rule.stages else ("figures",)
        for name, figure in stage.figures.items():
            yield from _figure((*loc, name), figure, kinds)
        figures = dict.fromkeys((*stage.figures, "n", "first_seen", "last_seen"))
        known: dict[str, Kind] = {name: kinds[name] for name in stage.by if name in kinds}
        kinds = known | dict.fromkeys(figures, "number")
    for k, case in enumerate(rule.severity.cases):
        if case.column is not None and case.one_of is not None:
            here = ("severity", "cases", k)
            yield from _values(here, case.column, case.one_of, kinds)
    for k, bound in enumerate(rule.bounds):
        if bound.by is not None and kinds.get(bound.by, "text") != "text":
            yield ("bounds", k, "by"), f"is {bound.by!r}, which holds no text; a map's names are"


def _columns(rule: "Rule") -> dict[str, Kind]:
    """Return the kind of every column that rows have before they are grouped."""
    kinds: dict[str, Kind] = dict.fromkeys((*DIRECTORY, "email_disposable"), "text")
    if rule.table == "exchanges":
        kinds |= {column.name: _OURS.get(column.kind, "number") for column in COLUMNS}
    kinds |= {"source_prefix": "text", "created_at_us": "number"}
    for made, names in rule.derive.first.items():
        if names and names[0] in kinds:
            kinds[made] = kinds[names[0]]
    kinds |= dict.fromkeys(rule.derive.bin, "number")
    for one in rule.previous:
        kinds |= {f"previous_{name}": kinds[name] for name in one.columns if name in kinds}
    return kinds


def _figure(loc: Loc, figure: "Figure", kinds: Kinds) -> Iterator[Objection]:
    for name in (figure.column, figure.of):
        if name is not None and kinds.get(name, "number") != "number":
            yield loc, f"measures {name!r}, a {kinds[name]}; expected a column of numbers"
    yield from _conditions((*loc, "where"), figure.where, kinds)


def _conditions(
    loc: Loc, conditions: "tuple[Condition, ...]", kinds: Kinds
) -> Iterator[Objection]:
    for k, one in enumerate(conditions):
        for values in (one.one_of, one.none_of):
            if values is not None:
                yield from _values((*loc, k), one.column, values, kinds)
        if one.differs_from is not None:
            mine, other = kinds.get(one.column), kinds.get(one.differs_from)
            if mine is not None and other is not None and mine != other:
                yield (
                    (*loc, k),
                    f"compares {one.column!r}, a {mine}, with {one.differs_from!r}, a {other}",
                )
        needs_numbers = (one.above, one.below, one.within, one.older, one.apart)
        if any(value is not None for value in needs_numbers):
            for name in (one.column, one.follows):
                if name is not None and kinds.get(name, "number") != "number":
                    yield (*loc, k), f"is about {name!r}, a {kinds[name]}; expected a number"


def _values(loc: Loc, column: str, values: "Values", kinds: Kinds) -> Iterator[Objection]:
    """Check what *column* may be one of; a list parameter holds words."""
    kind = kinds.get(column)
    wanted = int if kind == "number" else str
    if kind == "truth value":
        yield loc, f"is about {column!r}, which is true or false; expected a number or a text"
    elif isinstance(values, str):
        if kind == "number":
            yield (
                loc,
                f"compares {column!r}, a number, with the words of the list {values!r};"
                " expected the numbers themselves, such as [401, 403]",
            )
    elif kind is not None and (odd := [one for one in values if not isinstance(one, wanted)]):
        example = "[401, 403]" if kind == "number" else '["vpn", "nat"]'
        yield (
            loc,
            f"compares {column!r}, a {kind}, with {str(odd[0])[:40]!r};"
            f" expected values of its kind, such as {example}",
        )

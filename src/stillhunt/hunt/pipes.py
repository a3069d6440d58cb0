"""Plans of one stage for the piped languages of Splunk and Elastic: filter, add up, filter.

Both know unknowns as SQL does: a comparison with one is not true, and aggregates pass it over.
Nothing here runs in our tests, so what is not plainly the same is refused.
"""

from collections.abc import Mapping
from typing import Protocol

from stillhunt.hunt.plan import (
    Aggregate,
    AllOf,
    AnyOf,
    Cases,
    Column,
    Compare,
    Constant,
    Edge,
    Expression,
    Extend,
    Filter,
    Known,
    Largest,
    Member,
    Plan,
    Prefix,
    Ratio,
    Select,
    Sliding,
    Smallest,
    SourcePrefix,
    Step,
    Summarize,
)
from stillhunt.model.errors import ExportError

__all__ = ["Language", "quoted", "steps"]


class Language(Protocol):
    """The words of a piped language."""

    time: str
    equal: str
    different: str
    zero: str
    """Nothing, as a number with a fraction."""

    def text(self, text: str) -> str:
        """Return a string literal."""
        ...

    def known(self, name: str, negated: bool) -> str:
        """Return whether a column is known."""
        ...

    def begins(self, name: str, start: str) -> str:
        """Return whether a text begins with another, case and all."""
        ...

    def listed(self, name: str, values: str) -> str:
        """Return whether a column is one of the values."""
        ...

    def quotient(self, left: str, right: str) -> str:
        """Return a quotient with its fraction."""
        ...

    def extreme(self, largest: bool, parts: list[str]) -> str:
        """Return the largest or smallest."""
        ...

    def cases(self, cases: list[tuple[str, str]], otherwise: str) -> str:
        """Return the value of the first that holds."""
        ...

    def prefix(self, name: str) -> str:
        """Return the /24 or /48 of an address."""
        ...

    def where(self, condition: str) -> str:
        """Return a step that filters."""
        ...

    def extend(self, columns: Mapping[str, str]) -> str:
        """Return a step that adds columns."""
        ...

    def summarize(self, figures: Mapping[str, Aggregate], by: tuple[str, ...]) -> list[str]:
        """Return steps that group and add up."""
        ...

    def sliding(self, step: Sliding) -> list[str]:
        """Return steps that count in (t - span, t] and keep what is above."""
        ...

    def select(self, names: tuple[str, ...]) -> str:
        """Return a step that keeps columns."""
        ...


def quoted(text: str) -> str:
    """Return a string literal as both languages have it.

    Raises:
        ExportError: It holds what a reader cannot see; neither has an escape for that.
    """
    if not text.isprintable():
        raise ExportError("no text with characters that cannot be seen")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def steps(plan: Plan, words: Language) -> list[str]:
    """Return a line or more for each step but for the period, which the target says.

    Raises:
        ExportError: The plan has more than one stage, or anything that is not plainly the same.
    """
    if plan.table != "exchanges" or plan.joins_directory:
        raise ExportError("no account directory")
    if sum(isinstance(step, Summarize | Sliding) for step in plan.steps) != 1:
        raise ExportError("no figures of figures (several stages)")
    lines: list[str] = []
    for step in plan.steps:
        lines += _step(step, words)
    return lines


def _step(step: Step, words: Language) -> list[str]:
    match step:
        case Filter(condition):
            terms = condition.terms if isinstance(condition, AllOf) else (condition,)
            kept = [term for term in terms if not _is_time(term)]
            return [words.where(_joined(AllOf(tuple(kept)), words))] if kept else []
        case Extend(columns):
            return [words.extend({name: value(one, words) for name, one in columns.items()})]
        case Summarize(by, figures):
            if any(one.where is not None for one in figures.values()):
                raise ExportError("no figure over a part of the rows")
            return words.summarize(figures, by)
        case Sliding():
            return words.sliding(step)
        case Select(names):
            return [words.select(names)]
        case _:
            raise ExportError("no look at the row before")


def _is_time(one: Expression) -> bool:
    return isinstance(one, Compare) and isinstance(one.right, Edge)


def _joined(one: AllOf | AnyOf, words: Language) -> str:
    word = " AND " if isinstance(one, AllOf) else " OR "
    parts = []
    for term in one.terms:
        said = value(term, words)
        compound = isinstance(term, AllOf | AnyOf) and len(term.terms) > 1
        parts.append(f"({said})" if compound and len(one.terms) > 1 else said)
    return word.join(parts)


def _member(one: Member, words: Language) -> str:
    if not one.values:
        raise ExportError("no list without an entry")
    said = words.listed(one.name, ", ".join(value(Constant(v), words) for v in one.values))
    return f"({words.known(one.name, False)} AND NOT {said})" if one.negated else said


def value(one: Expression, words: Language) -> str:  # noqa: PLR0911 - one for each kind
    """Return an expression.

    Raises:
        ExportError: It is none that both languages plainly have.
    """
    match one:
        case AllOf() | AnyOf():
            return _joined(one, words)
        case Column(name):
            return words.time if name == "ts_us" else name
        case Constant(constant):
            return words.text(constant) if isinstance(constant, str) else repr(constant)
        case Known(name, negated):
            return words.known(name, negated)
        case Member():
            return _member(one, words)
        case Prefix(name, start):
            return words.begins(name, start)
        case Compare(left, sign, right):
            said = {"=": words.equal, "<>": words.different}.get(sign, sign)
            return f"{value(left, words)} {said} {value(right, words)}"
        case Ratio(left, Constant(int() | float() as right)) if right:
            return words.quotient(value(left, words), repr(right))
        case Largest(of) | Smallest(of):
            parts = [f"coalesce({value(part, words)}, {words.zero})" for part in of]
            largest = isinstance(one, Largest)
            return parts[0] if len(parts) == 1 else words.extreme(largest, parts)
        case Cases(of, otherwise) if otherwise is not None:
            cases = [(value(test, words), value(then, words)) for test, then in of]
            return words.cases(cases, value(otherwise, words))
        case SourcePrefix(name):
            return words.prefix(name)
        case _:
            raise ExportError(f"no {type(one).__name__.lower()}")

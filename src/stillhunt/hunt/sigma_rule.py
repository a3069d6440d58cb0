"""What Sigma can say of a plan: which rows count, and thresholds over what they add up to.

Sigma compares text without regard to case unless told ``cased``, takes ``*`` and ``?`` for
wildcards, and counts within any timespan, not in bins of a clock. A correlation has one
threshold; that several have to hold together it cannot say.
Source: Sigma specification 2.1, rules, modifiers and correlation rules.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

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
    Member,
    Plan,
    Prefix,
    Sliding,
    Step,
    Summarize,
)
from stillhunt.hunt.yaml_text import Node
from stillhunt.model.errors import ExportError

__all__ = ["Detection", "Threshold", "detection", "thresholds"]

_MODIFIERS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_TYPES = {"count": "event_count", "sum": "value_sum", "mean": "value_avg"}


@dataclass
class Detection:
    """Selections by name, and the condition that joins them."""

    selections: dict[str, Node] = field(default_factory=dict)
    condition: str = ""

    def add(self, name: str, selection: Node) -> str:
        """Keep *selection* under a name of its own, and return that."""
        known = next((k for k, one in self.selections.items() if one == selection), None)
        if known is None:
            same = sum(k == name or k.startswith(f"{name}_") for k in self.selections)
            known = f"{name}_{same + 1}" if same else name
            self.selections[known] = selection
        return known


@dataclass(frozen=True)
class Threshold:
    """More than *above* of a sum over one timespan."""

    figure: str
    kind: str
    """Type of the correlation."""
    column: str | None
    above: int | float
    level: int
    """Severity, 1 to 5."""


def detection(plan: Plan) -> Detection:
    """Return which rows count.

    Raises:
        ExportError: Sigma has no words for a condition or a derived column.
    """
    if plan.table != "exchanges" or plan.joins_directory:
        raise ExportError("no account directory")
    found = Detection()
    terms: list[str] = []
    for step in _before(plan):
        match step:
            case Filter(condition):
                whole = condition.terms if isinstance(condition, AllOf) else (condition,)
                terms += [_said(one, found) for one in whole if not _is_time(one)]
            case Extend(columns):
                raise ExportError(f"no computed column ({', '.join(columns)})")
            case _:
                raise ExportError("no look at the row before")
    found.condition = " and ".join(terms) or found.add("every", {"ts_us|exists": True})
    return found


def _before(plan: Plan) -> Iterator[Step]:
    for step in plan.steps:
        if isinstance(step, Summarize | Sliding):
            return
        yield step


def _is_time(one: Expression) -> bool:
    return isinstance(one, Compare) and isinstance(one.right, Edge)


def _said(one: Expression, found: Detection) -> str:  # noqa: PLR0911 - one for each kind
    match one:
        case AllOf(terms):
            return "(" + " and ".join(_said(term, found) for term in terms) + ")"
        case AnyOf(terms):
            return "(" + " or ".join(_said(term, found) for term in terms) + ")"
        case Known(name, negated):
            said = found.add(f"no_{name}", {name: None})
            return said if negated else f"not {said}"
        case Member(name, values, negated):
            cased = "|cased" if any(isinstance(value, str) for value in values) else ""
            listed: list[Node] = [_value(value) for value in values]
            if not values:
                raise ExportError("no list without an entry")
            said = found.add(name, {f"{name}{cased}": listed})
            unknown = found.add(f"no_{name}", {name: None}) if negated else ""
            return f"(not {unknown} and not {said})" if negated else said
        case Prefix(name, start):
            return found.add(f"{name}_begin", {f"{name}|startswith|cased": _value(start)})
        case Compare(Column(name), sign, Constant(value)) if sign in _MODIFIERS:
            return found.add(name, {f"{name}|{_MODIFIERS[sign]}": _value(value)})
        case Compare(Column(name), "<>", Constant(value)):
            cased = "|cased" if isinstance(value, str) else ""
            unknown = found.add(f"no_{name}", {name: None})
            return f"not {unknown} and not {found.add(name, {f'{name}{cased}': _value(value)})}"
        case _:
            raise ExportError("no condition that compares two columns")


def _value(value: float | str) -> Node:
    if not isinstance(value, str):
        return value
    escaped = value
    for special in ("\\", "*", "?"):
        escaped = escaped.replace(special, f"\\{special}")
    return escaped


def thresholds(plan: Plan) -> list[Threshold]:
    """Return the thresholds; where one of them is exceeded the rule has found something.

    The severity is the highest level of those that are exceeded.

    Raises:
        ExportError: More than one has to hold, or a figure or a severity is none of Sigma's.
    """
    steps = [step for step in plan.steps if isinstance(step, Summarize | Sliding)]
    if len(steps) != 1:
        raise ExportError("no figures of figures (several stages)")
    figures, bounds = _bounded(plan, steps[0])
    default, cases = _levels(plan)
    found = [_threshold(figures, name, above, default) for name, above in bounds.items()]
    for name, above, level in cases:
        if name not in bounds or above < bounds[name]:
            raise ExportError(f"no severity that depends on {name} below its bound")
        found.append(_threshold(figures, name, above, level))
    levels = [level for *_, level in cases]
    if levels != sorted(set(levels), reverse=True) or any(level <= default for level in levels):
        raise ExportError("no severity that a higher figure lowers")
    return found


def _bounded(
    plan: Plan, step: Summarize | Sliding
) -> tuple[Mapping[str, Aggregate], dict[str, int | float]]:
    """Return the figures, and figure -> bound."""
    if isinstance(step, Sliding):
        return {step.figure: Aggregate("count")}, {step.figure: step.above}
    later = plan.steps[plan.steps.index(step) + 1 :]
    bounds = next(one.condition for one in later if isinstance(one, Filter))
    terms = bounds.terms if isinstance(bounds, AnyOf | AllOf) else (bounds,)
    if isinstance(bounds, AllOf) and len(terms) > 1:
        raise ExportError("no two thresholds that have to hold together")
    found: dict[str, int | float] = {}
    for term in terms:
        match term:
            case Compare(Column(name), ">", Constant(int() | float() as above)):
                found[name] = above
            case _:
                raise ExportError("no threshold that is not a number")
    return step.figures, found


def _levels(plan: Plan) -> tuple[int, list[tuple[str, int | float, int]]]:
    said = next(s.columns["severity"] for s in plan.steps
                if isinstance(s, Extend) and "severity" in s.columns)  # fmt: skip
    match said:
        case Constant(int() as level):
            return level, []
        case Cases(of, Constant(int() as level)):
            return level, [_case(test, value) for test, value in of]
        case _:
            raise ExportError("no such severity")


def _case(test: Expression, value: Expression) -> tuple[str, int | float, int]:
    match test, value:
        case Compare(Column(name), ">", Constant(int() | float() as above)), Constant(int() as n):
            return name, above, n
        case _:
            raise ExportError("no severity that depends on a column")


def _threshold(figures: Mapping[str, Aggregate], name: str, above: float, level: int) -> Threshold:
    one = figures.get(name)
    if one is None or one.where is not None or one.kind not in _TYPES:
        raise ExportError(f"no figure such as {name}")
    column = one.of.name if isinstance(one.of, Column) else None
    if one.of is not None and column is None:
        raise ExportError(f"no figure of a computed column ({name})")
    return Threshold(name, _TYPES[one.kind], column, above, level)

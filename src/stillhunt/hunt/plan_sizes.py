"""Which groups of rows are too small to reach a bound, whatever their rows say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stillhunt.hunt.plan import (
    Aggregate,
    AllOf,
    Column,
    Compare,
    Constant,
    Expression,
    Extend,
    Filter,
    Step,
    Summarize,
)

__all__ = ["Least", "small_groups"]


@dataclass(frozen=True)
class Least:
    """Groups of rows by these columns have to have more rows than this."""

    by: tuple[str, ...]
    above: int | float


def small_groups(first: Summarize, rest: Sequence[Step]) -> Least | None:
    """Return what the stages and the bounds behind *first* ask of the number of rows.

    Args:
        first: The first stage of a plan.
        rest: The steps behind it.

    Returns:
        None where there is one stage only, or where no bound is on something that is counted.
    """
    stages = [first]
    for step in rest:
        match step:
            case Summarize():
                stages.append(step)
            case Extend():
                continue
            case Filter(condition) if len(stages) > 1 and set(stages[-1].by) <= set(first.by):
                above = _largest(condition, stages)
                return None if above is None else Least(stages[-1].by, above)
            case _:
                return None
    return None


def _largest(condition: Expression, stages: Sequence[Summarize]) -> int | float | None:
    """Return the largest number that a count has to be above, if all bounds have to hold."""
    terms = condition.terms if isinstance(condition, AllOf) else (condition,)
    found = [
        one.right.value
        for one in terms
        if isinstance(one, Compare)
        and one.sign == ">"
        and isinstance(one.left, Column)
        and isinstance(one.right, Constant)
        and not isinstance(one.right.value, str)
        and _is_count(one.left.name, [stage.figures for stage in stages])
    ]
    return max(found, default=None)


def _is_count(name: str, stages: Sequence[Mapping[str, Aggregate]]) -> bool:
    """Say whether a figure of the last stage is at most the number of rows behind it."""
    if not stages or name not in stages[-1]:
        return False
    figure = stages[-1][name]
    if figure.kind == "count":
        return True
    below = figure.of
    return (
        figure.kind == "sum" and isinstance(below, Column) and _is_count(below.name, stages[:-1])
    )

"""The query of every rule and detector, with whatever parameters a test tells it."""

from collections.abc import Iterator, Mapping

from population import CUT_US, DAY, TOLD, UNTIL_US

from stillhunt.hunt.claims import detector_sql
from stillhunt.hunt.parameters import resolve
from stillhunt.hunt.rule import load_rules
from stillhunt.hunt.rule_sql import rule_sql
from stillhunt.hunt.sweep import known_parameters
from stillhunt.registry import parts

__all__ = ["NAMES", "everything", "of", "query"]

DETECTORS = parts("stillhunt.hunt.detectors")
RULES = {rule.name: rule for rule in load_rules()}
NAMES: tuple[str, ...] = (*RULES, *DETECTORS)


def query(
    name: str,
    told: Mapping[str, str] = TOLD,
    until_us: int = UNTIL_US,
    from_us: int | None = None,
) -> str:
    """Return the query of *name* over (*from_us*, *until_us*] [us since epoch].

    Without *from_us* the period is as long as the rule's window asks, and a year if it has
    none. A detector looks at everything.
    """
    values = resolve(known_parameters(), {}, told)
    if name in DETECTORS:
        return detector_sql(DETECTORS[name](**values[name]))
    parameter = RULES[name].window.parameter
    length = int(values[name][parameter]) if parameter else 366 * DAY
    first = until_us - length if from_us is None else from_us
    return rule_sql(RULES[name], values[name], first, until_us)


def everything() -> Iterator[tuple[str, str]]:
    """Yield a name and a query for each rule and detector.

    Rules come with other lists of paths, over everything, and with a period that begins or
    ends in the middle of a burst.
    """
    for name in NAMES:
        yield name, query(name)
    for name, rule in RULES.items():
        if rule.filter.paths:
            told = TOLD | {f"{name}.paths": "/v1/messages,/v1/responses,/v1/messages/*"}
            yield f"{name}-paths", query(name, told)
            yield f"{name}-all", query(name, TOLD | {f"{name}.paths": "*"})
        if rule.window.parameter:
            yield f"{name}-ever", query(name, TOLD | {f"{name}.{rule.window.parameter}": "all"})
        else:
            yield f"{name}-before", query(name, until_us=CUT_US)
            yield f"{name}-after", query(name, from_us=CUT_US)


def of(name: str) -> Iterator[tuple[str, str]]:
    """Yield the queries of one rule or detector."""
    yield from ((one, sql) for one, sql in everything() if one.split("-")[0] == name)

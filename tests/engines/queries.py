"""The query of every rule and detector, with whatever parameters a test tells it."""

from collections.abc import Iterator, Mapping

from population import TOLD, UNTIL_US

from stillhunt.hunt.claims import detector_sql
from stillhunt.hunt.parameters import Value, resolve
from stillhunt.hunt.rule import Rule, load_rules
from stillhunt.hunt.rule_sql import rule_sql
from stillhunt.hunt.sweep import known_parameters
from stillhunt.registry import parts

__all__ = ["NAMES", "everything", "period", "query"]

DETECTORS = parts("stillhunt.hunt.detectors")
RULES = {rule.name: rule for rule in load_rules()}
NAMES: tuple[str, ...] = (*RULES, *DETECTORS)


def query(name: str, told: Mapping[str, str] = TOLD, until_us: int = UNTIL_US) -> str:
    """Return the query of *name*, which ends at *until_us* [us since epoch]."""
    values = resolve(known_parameters(), {}, told)
    if name in DETECTORS:
        return detector_sql(DETECTORS[name](**values[name]))
    return rule_sql(RULES[name], values[name], *period(RULES[name], values[name], until_us))


def period(rule: Rule, values: Mapping[str, Value], until_us: int) -> tuple[int, int]:
    """Return the two ends of what *rule* is asked about; a whole year if it has no window."""
    parameter = rule.window.parameter
    length = int(values[parameter]) if parameter else 366 * 86_400_000_000
    return until_us - length, until_us


def everything() -> Iterator[tuple[str, str]]:
    """Yield a name and a query for each rule and detector, and for other lists of paths."""
    for name in NAMES:
        yield name, query(name)
    for name, rule in RULES.items():
        if rule.filter.paths:
            told = TOLD | {f"{name}.paths": "/v1/messages,/v1/responses,/v1/messages/*"}
            yield f"{name}-paths", query(name, told)
            yield f"{name}-all", query(name, TOLD | {f"{name}.paths": "*"})

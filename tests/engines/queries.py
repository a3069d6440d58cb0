"""The query of every rule and detector, with whatever parameters a test tells it."""

from collections.abc import Iterator, Mapping

from population import CUT_US, DAY, HOUR, MINUTE, SECOND, START_US, TOLD, UNTIL_US

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

FAILED = START_US + 2 * DAY + HOUR + 10 * SECOND
SIGNED_UP = START_US - 26 * DAY
EDGES = {
    "burst": (CUT_US, CUT_US),
    "burst_account": (CUT_US, CUT_US),
    "burst_prefix": (CUT_US, CUT_US),
    "bulk_signup": (SIGNED_UP, SIGNED_UP + DAY - 1),
    "failover": (FAILED, FAILED + 10 * MINUTE),
    "many_accounts": (START_US + DAY + 1, START_US + DAY + 4 * MINUTE),
    "many_addresses": (START_US + 1, START_US + 5 * HOUR),
    "new_model_pivot": (UNTIL_US - DAY - 4 * HOUR, UNTIL_US),
    "out_of_plan": (START_US + DAY, START_US + 2 * DAY - 1),
    "round_the_clock": (START_US, START_US + 7 * HOUR - 1),
    "signature_reuse": (START_US + DAY, START_US + 2 * DAY),
}
"""Periods that begin, or end, with the very exchange that something hangs on [us since epoch]."""

ONE = TOLD | {"repetition.min_exchanges": "1", "repetition.low": "0"}
"""Bounds at which an account of one exchange is asked about."""


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
    ends where it matters.
    """
    for name in NAMES:
        yield name, query(name)
    yield "repetition-one", query("repetition", ONE)
    for name, rule in RULES.items():
        if rule.filter.paths:
            told = TOLD | {f"{name}.paths": "/v1/messages,/v1/responses,/v1/messages/*"}
            yield f"{name}-paths", query(name, told)
            yield f"{name}-all", query(name, TOLD | {f"{name}.paths": "*"})
        if rule.window.kind == "lookback":
            yield f"{name}-ever", query(name, TOLD | {f"{name}.{rule.window.parameter}": "all"})
        if name in EDGES:
            from_us, until_us = EDGES[name]
            yield f"{name}-from", query(name, from_us=from_us)
            yield f"{name}-until", query(name, until_us=until_us)


def of(name: str) -> Iterator[tuple[str, str]]:
    """Yield the queries of one rule or detector."""
    yield from ((one, sql) for one, sql in everything() if one.split("-")[0] == name)

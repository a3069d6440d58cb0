"""Which test sees which mistake in a query."""

from collections.abc import Iterator
from typing import Any
from unittest import mock

import duckdb
from engine_kit import Duck, Row, difference
from mutants import broken, excuse, keys
from population import accounts, population
from queries import RULES, of, query

from stillhunt.hunt import rule_claims
from stillhunt.hunt.portable.subset import objections
from stillhunt.hunt.rule_sql import rule_sql
from stillhunt.hunt.rule_tests import try_rule
from stillhunt.model.errors import RuleError

__all__ = ["Seen", "all_seen", "own_tests_see", "seen_by"]

Seen = dict[str, set[str]]
"""Mistake -> who sees it: ``answers`` over the population, the portable ``subset``."""


def seen_by(name: str, golden: dict[str, list[Row]]) -> Seen:
    """Return who sees each mistake in the queries of *name*, but for the rule's own tests.

    Args:
        name: A rule or detector.
        golden: Its answers by query.
    """
    duck = Duck()
    duck.load({"exchanges": population(), "directory": accounts()})
    labels = {key: label for key, _, label in keys(query(name))}
    seen: Seen = {label: set() for label in labels.values()}
    for one, sql in of(name):
        for key, place, label in keys(sql):
            by, mistaken = seen[labels[key]], broken(sql, place, label)
            if "answers" not in by and _changes(duck, mistaken, golden[one]):
                by.add("answers")
            if objections(mistaken):
                by.add("subset")
    return seen


def _changes(duck: Duck, sql: str, golden: list[Row]) -> bool:
    try:
        return difference(golden, duck.run(sql)) is not None
    except duckdb.Error:
        return True


def own_tests_see(name: str) -> Iterator[tuple[str, bool]]:
    """Yield each mistake in a rule's query, and whether the tests in its file see it."""
    rule = RULES[name]
    for wanted, _, label in keys(query(name)):

        def mistaken(*told: Any, wanted: str = wanted) -> str:  # noqa: ANN401
            sql = rule_sql(*told)
            places = [place for key, place, _ in keys(sql) if key == wanted]
            return broken(sql, places[0], wanted) if places else sql

        with mock.patch.object(rule_claims, "rule_sql", mistaken):
            try:
                yield label, not all(outcome.is_passed for outcome in try_rule(rule))
            except (duckdb.Error, RuleError):
                yield label, True


def all_seen(name: str, golden: dict[str, list[Row]]) -> Iterator[tuple[str, str]]:
    """Yield each mistake and, in words, who sees it or why nobody can."""
    seen = seen_by(name, golden)
    if name in RULES:
        for label, is_seen in own_tests_see(name):
            if is_seen:
                seen[label].add("own tests")
    for label, by in sorted(seen.items()):
        yield label, ", ".join(sorted(by)) or f"no answer changes: {excuse(name, label)}"

"""A mistake in a query changes an answer that is written down, or is known to change none."""

import duckdb
import pytest
from engine_kit import Duck, difference
from golden_files import read_answers
from mutants import EQUIVALENT, mutants
from population import accounts, population
from queries import NAMES, of


@pytest.fixture(scope="module")
def duck() -> Duck:
    engine = Duck()
    engine.load({"exchanges": population(), "directory": accounts()})
    return engine


@pytest.mark.parametrize("name", NAMES)
def test_a_mistake_in_a_query_changes_a_golden_answer(duck: Duck, name: str) -> None:
    golden = read_answers(name)
    made: set[str] = set()
    seen: set[str] = set()
    for one, sql in of(name):
        for mutant in mutants(sql):
            made.add(mutant.label)
            if mutant.label not in seen and _is_seen(duck, mutant.sql, golden[one]):
                seen.add(mutant.label)
    assert made - seen == set(EQUIVALENT.get(name, {}))


def _is_seen(duck: Duck, sql: str, golden: list[dict[str, object]]) -> bool:
    try:
        return difference(golden, duck.run(sql)) is not None
    except duckdb.Error:
        return True


def test_each_kind_of_mistake_is_made() -> None:
    kinds = {m.label.split(":")[0] for name in NAMES for _, sql in of(name) for m in mutants(sql)}
    assert kinds == {"sign", "sum", "tie-break", "guard"}

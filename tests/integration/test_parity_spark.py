"""Whole answers of every rule and detector are equal on DuckDB and Spark."""

from collections.abc import Iterator

import pytest
from parity_kit import Pair, paired
from queries import everything

pytestmark = pytest.mark.integration
QUERIES = {
    name: sql
    for name, sql in everything()
    # Other paths and longer periods are the same SQL; Spark takes seconds to plan each.
    if "-" not in name or name.endswith("-from")
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with paired("spark", tmp_path_factory.mktemp("spark")) as both:
        yield both


@pytest.fixture(scope="module")
def over_population(pair: Pair) -> Pair:
    pair.load_population()
    return pair


@pytest.mark.parametrize("name", QUERIES)
def test_spark_answers_as_duckdb_does(over_population: Pair, name: str) -> None:
    assert over_population.difference(QUERIES[name]) is None


def test_spark_answers_as_duckdb_does_over_any_few_exchanges(pair: Pair) -> None:
    pair.compare_any_few(examples=25)


def test_spark_finds_nothing_in_nothing(pair: Pair) -> None:
    pair.load_nothing()
    answers = (pair.difference(QUERIES[name]) for name in ("volume", "failover", "cadence"))
    assert list(answers) == [None] * 3

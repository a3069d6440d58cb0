"""Whole answers of every rule and detector are equal on DuckDB and ClickHouse."""

from collections.abc import Iterator

import pytest
from parity_kit import Pair, paired
from queries import NAMES, everything, query

pytestmark = pytest.mark.integration
QUERIES = dict(everything())


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with paired("clickhouse", tmp_path_factory.mktemp("clickhouse")) as both:
        yield both


@pytest.fixture(scope="module")
def over_population(pair: Pair) -> Pair:
    pair.load_population()
    return pair


@pytest.mark.parametrize("name", QUERIES)
def test_clickhouse_answers_as_duckdb_does(over_population: Pair, name: str) -> None:
    assert over_population.difference(QUERIES[name]) is None


def test_clickhouse_answers_as_duckdb_does_over_any_few_exchanges(pair: Pair) -> None:
    pair.compare_any_few(examples=60)


def test_clickhouse_finds_nothing_in_nothing(pair: Pair) -> None:
    pair.load_nothing()
    assert [pair.difference(query(name)) for name in NAMES] == [None] * len(NAMES)

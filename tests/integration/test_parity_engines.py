"""Whole answers of every rule and detector, equal on DuckDB, ClickHouse and Spark."""

from collections.abc import Iterator
from typing import cast

import pytest
from engine_kit import Duck, Engine, answers, difference, opened
from hypothesis import HealthCheck, Phase, given, settings
from population import accounts, population
from queries import NAMES, everything, query
from small_populations import Case, cases

from stillhunt.hunt.portable.dialects import Executed

pytestmark = pytest.mark.integration

QUERIES = dict(everything())
OTHERS = [
    pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in ("clickhouse", "spark")
]
"""One process each: Spark takes seconds to start, and a process can hold one ClickHouse."""


@pytest.fixture(scope="module", params=OTHERS)
def other(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    dialect = cast(Executed, request.param)
    with opened(dialect, tmp_path_factory.mktemp(dialect)) as engine:
        yield engine


@pytest.fixture(scope="module")
def duck() -> Duck:
    return Duck()


@pytest.fixture(scope="module")
def loaded(other: Engine, duck: Duck) -> tuple[Duck, Engine]:
    tables = {"exchanges": population(), "directory": accounts()}
    for engine in (duck, other):
        engine.load(tables)
    return duck, other


@pytest.mark.parametrize("name", QUERIES)
def test_an_answer_is_the_same_on_another_engine(loaded: tuple[Duck, Engine], name: str) -> None:
    duck, other = loaded
    assert difference(answers(duck, QUERIES[name]), answers(other, QUERIES[name])) is None


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_over_no_exchanges_is_empty(other: Engine, name: str) -> None:
    other.load({"exchanges": population().slice(0, 0), "directory": accounts().slice(0, 0)})
    assert answers(other, query(name)) == []


def test_answers_over_any_few_exchanges_are_the_same(other: Engine) -> None:
    ours = Duck()

    @settings(
        max_examples=40 if other.dialect == "clickhouse" else 20,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases())
    def compare(case: Case) -> None:
        for engine in (ours, other):
            engine.load({"exchanges": case.exchanges, "directory": case.directory})
        sql = query(case.name, case.told, case.until_us)
        assert difference(answers(ours, sql), answers(other, sql)) is None

    compare()

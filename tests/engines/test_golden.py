"""Queries and answers are as they were written down; ``./dev golden`` writes them anew."""

import pytest
from engine_kit import difference
from golden_files import DIALECTS, FOLDER, found, read_answers, sql_path, sql_text
from population import population
from queries import NAMES

from stillhunt.hunt.portable.dialects import Dialect
from stillhunt.model.exchange import COLUMNS, HOT


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", NAMES)
def test_a_query_is_written_as_before(name: str, dialect: Dialect) -> None:
    assert sql_path(name, dialect).read_text(encoding="utf-8") == sql_text(name, dialect)


@pytest.mark.parametrize("name", NAMES)
def test_answers_over_the_population_are_as_before(name: str) -> None:
    before, now = read_answers(name), found(name)
    assert list(before) == list(now)
    for one, rows in now.items():
        assert difference(before[one], rows) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_finds_something_in_the_population(name: str) -> None:
    assert read_answers(name)[name]


def test_no_file_is_left_of_a_rule_that_is_gone() -> None:
    kept = {path.name for path in FOLDER.glob("*/*")}
    wanted = {sql_path(name, dialect).name for name in NAMES for dialect in DIALECTS}
    assert kept == wanted | {f"{name}.{kind}" for name in NAMES for kind in ("json", "tsv")}


def test_the_population_has_unknowns_in_every_column_that_may_be_unknown() -> None:
    table = population()
    known = {"ts_us", "exchange_id", "source", "sketch_version"}
    for name in set(HOT) - known:
        assert 0 < table[name].null_count < len(table)
    assert {column.name for column in COLUMNS if column.required} <= known


def test_the_population_is_the_same_every_time() -> None:
    assert population().equals(population())
    assert len(population()) < 10_000

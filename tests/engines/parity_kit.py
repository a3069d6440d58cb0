"""Compare one engine with DuckDB, query by query."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine_kit import Duck, Engine, answers, difference, opened
from hypothesis import HealthCheck, Phase, given, settings
from population import accounts, population
from queries import query
from small_populations import Case, cases

from stillhunt.hunt.portable.dialects import Executed

__all__ = ["Pair", "paired"]


class Pair:
    """DuckDB and another engine, over the same tables."""

    def __init__(self, other: Engine) -> None:
        self.duck = Duck()
        self.other = other

    def load_population(self) -> None:
        """Give both the population."""
        for engine in (self.duck, self.other):
            engine.load({"exchanges": population(), "directory": accounts()})

    def load_nothing(self) -> None:
        """Give both empty tables."""
        tables = {"exchanges": population().slice(0, 0), "directory": accounts().slice(0, 0)}
        for engine in (self.duck, self.other):
            engine.load(tables)

    def difference(self, sql: str) -> str | None:
        """Say how the two answers to portable *sql* differ, None if they do not."""
        return difference(answers(self.duck, sql), answers(self.other, sql))

    def compare_any_few(self, examples: int) -> None:
        """Compare answers over generated exchanges; raises AssertionError."""

        @settings(
            max_examples=examples,
            deadline=None,
            phases=(Phase.generate,),  # shrinking asks thousands of times
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases())
        def compare(case: Case) -> None:
            for engine in (self.duck, self.other):
                engine.load({"exchanges": case.exchanges, "directory": case.directory})
            assert self.difference(query(case.name, case.told, case.until_us)) is None

        compare()


@contextmanager
def paired(dialect: Executed, folder: Path) -> Iterator[Pair]:
    """Open DuckDB and the engine, or skip the test with what is missing."""
    with opened(dialect, folder) as engine:
        yield Pair(engine)

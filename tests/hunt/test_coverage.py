"""What a sweep can answer from the sources it has."""

import pytest
from sweep_kit import MemoryLake, exchange, many

from stillhunt.hunt.coverage import Filled, answered, fill


def _filled(**sources: set[str]) -> Filled:
    return Filled(columns=sources, exchanges=1, output_tokens=None, first_us=1, last_us=1)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"n", "e1", "e2", "u"}, ("yes", ())),
        ({"n", "e1", "e2"}, ("partly", ("u",))),
        ({"n", "e1", "u"}, ("partly", ("e2",))),
        ({"n", "u"}, ("no", ("e1", "e2"))),
        ({"e1", "e2", "u"}, ("no", ("n",))),
    ],
)
def test_one_source_decides_by_its_columns(
    columns: set[str], expected: tuple[str, tuple[str, ...]]
) -> None:
    assert answered(_filled(a=columns), ("n",), ("e1", "e2"), ("u",)) == expected


def test_a_source_that_lacks_a_column_makes_the_answer_partial() -> None:
    assert answered(_filled(a={"n"}, b=set()), ("n",), (), ()) == ("partly", ("n",))


def test_an_empty_lake_answers_nothing() -> None:
    assert answered(_filled(), ("n",), ("e",), ("u",)) == ("no", ("n", "e"))


def test_the_lake_is_asked_source_by_source() -> None:
    rows = [*many(2), exchange(1, source="nginx", account_id=None, output_tokens=None)]
    con = MemoryLake(rows).connect()
    filled = fill(con, ["account_id", "source_ip", "no_such_column"])
    assert filled.columns == {"native": {"account_id", "source_ip"}, "nginx": {"source_ip"}}
    assert (filled.exchanges, filled.output_tokens, filled.first_us) == (3, 2, 1)


def test_unknown_tokens_are_not_zero() -> None:
    con = MemoryLake([exchange(1, output_tokens=None)]).connect()
    assert fill(con, []).output_tokens is None

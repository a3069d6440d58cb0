"""Conditions find the exchanges of a subject, and of nobody else."""

import ipaddress

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhunt.hunt.report.conditions import condition, label, literal

GROUP = st.sampled_from([0, 1, 0x2001, 0xDB8, 0xFFFF])


def holds(test: str, address: str) -> bool:
    sql = f"SELECT {test} FROM (SELECT {literal(address)} AS source_ip)"
    return bool(duckdb.execute(sql).fetchall()[0][0])


@settings(max_examples=150, deadline=None)
@given(st.lists(GROUP, min_size=8, max_size=8), st.lists(GROUP, min_size=3, max_size=3))
def test_a_48_holds_its_addresses_in_shortest_form(groups: list[int], block: list[int]) -> None:
    address = ipaddress.IPv6Address(":".join(f"{g:x}" for g in groups))
    for first in (groups[:3], block):
        network = ipaddress.IPv6Network((":".join(f"{g:x}" for g in first) + "::", 48))
        assert holds(condition("source_prefix", str(network)), str(address)) == (
            address in network
        )


@pytest.mark.parametrize(
    ("address", "inside"),
    [("192.0.2.1", True), ("192.0.2.255", True), ("192.0.20.1", False), ("192.0.3.1", False)],
)
def test_a_24_holds_its_addresses(address: str, inside: bool) -> None:
    assert holds(condition("source_prefix", "192.0.2.0/24"), address) is inside


def test_a_block_that_is_no_address_holds_itself_alone() -> None:
    assert holds(condition("source_prefix", "unix:"), "unix:")
    assert not holds(condition("source_prefix", "unix:"), "192.0.2.1")


def test_several_names_are_told_apart_in_one_question() -> None:
    named, where = label("source_prefix", ["192.0.2.0/24", "2001:db8::/48"])
    rows = duckdb.execute(
        f"SELECT {named} FROM (VALUES ('192.0.2.7'), ('2001:db8::9'), ('198.51.100.1')) "
        f"AS t(source_ip) WHERE {where}"
    ).fetchall()
    assert rows == [("192.0.2.0/24",), ("2001:db8::/48",)]


def test_literals_keep_their_kind() -> None:
    assert [literal(v) for v in (None, True, False, 7, 1.5, "o'clock", "a\0b")] == [
        "NULL", "TRUE", "FALSE", "7", "1.5", "'o''clock'", "('a' || CHR(0) || 'b')",
    ]  # fmt: skip

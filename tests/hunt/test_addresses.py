"""Canonical spelling of addresses."""

import ipaddress

import pyarrow as pa
import pytest
from hypothesis import given, strategies

from stillhunt.hunt import addresses
from stillhunt.hunt.addresses import canonical, canonical_column


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1%eth0]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:c000:201]:80", "192.0.2.1"),
        ("::", "::"),
    ],
)
def test_an_address_has_one_spelling(text: str, spelled: str) -> None:
    assert canonical(text) == spelled


@pytest.mark.parametrize(
    "text",
    ["", "-", "unix:", "example.com", "192.0.2", "192.0.2.256", "010.0.0.1", "1.2.3.4:999999",
     "192.0.2.1\0", "\u0661.2.3.4", "::1::", "1" * 10_000, "192.0.2.1, 192.0.2.2", "\ud800"],
)  # fmt: skip
def test_what_is_no_address_is_none(text: str) -> None:
    assert canonical(text) is None


@given(strategies.ip_addresses())
def test_every_address_keeps_its_value(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    spelled = canonical(str(address))
    assert spelled is not None
    mapped = getattr(address, "ipv4_mapped", None)
    assert ipaddress.ip_address(spelled) == (mapped or address)
    assert canonical(spelled) == spelled


def test_a_column_is_spelled_value_by_value() -> None:
    column = pa.chunked_array([["192.0.2.1:1", None], ["-", "192.0.2.1"]])
    assert canonical_column(column).to_pylist() == ["192.0.2.1", None, None, "192.0.2.1"]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "KEPT", 10)
    monkeypatch.setattr(addresses, "_known", {})
    canonical_column(pa.chunked_array([[f"192.0.2.{i}:1" for i in range(200)]]))
    assert len(addresses._known) <= 10

"""Networks of addresses, and disposable mail domains."""

import ipaddress
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, strategies
from hypothesis import settings as hypothesis_settings

from stillhunt.hunt import enrich
from stillhunt.hunt.enrich import Enrichment, mail_domains
from stillhunt.hunt.settings import Enrich, HuntSettings
from stillhunt.model.errors import ConfigError

NETWORKS = """cidr,asn,country,kind
192.0.2.0/24,AS64500,de,cloud
192.0.2.128/25,64501,fr,vpn
192.0.2.200,64502,us,
2001:db8::/32,4200000000,nl,university
2001:db8:0:1::/64,,,proxy
198.51.100.0/24,,,
"""


def enrichment(folder: Path, text: str | bytes, name: str = "networks.csv") -> Enrichment:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return Enrichment(HuntSettings(folder=folder, enrich=Enrich(networks=Path(name))))


def found(known: Enrichment, *addresses: str | None) -> list[tuple[Any, Any, Any]]:
    table = known.add(pa.table({"source_ip": pa.array(addresses, pa.string())}))
    names = ("asn", "country", "network_kind")
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))


def test_the_longest_prefix_wins_in_both_families(tmp_path: Path) -> None:
    known = enrichment(tmp_path, NETWORKS)
    assert found(
        known, "192.0.2.0", "192.0.2.127", "192.0.2.128", "192.0.2.200", "192.0.2.201",
        "192.0.2.255", "2001:db8::1", "2001:db8:0:1::9", "2001:db8:0:2::",
    ) == [
        (64500, "DE", "cloud"), (64500, "DE", "cloud"), (64501, "FR", "vpn"),
        (64502, "US", None), (64501, "FR", "vpn"), (64501, "FR", "vpn"),
        (None, "NL", "university"), (None, None, "proxy"), (None, "NL", "university"),
    ]  # fmt: skip


def test_an_address_outside_of_all_networks_is_unknown(tmp_path: Path) -> None:
    known = enrichment(tmp_path, NETWORKS)
    outside = ("192.0.1.255", "192.0.3.0", "2001:db7::", "2001:db9::", "::", None)
    assert set(found(known, *outside)) == {(None, None, None)}


def test_of_the_same_network_twice_the_later_line_counts(tmp_path: Path) -> None:
    known = enrichment(tmp_path, "cidr,kind\n192.0.2.0/24,cloud\n192.0.2.0/24,vpn\n")
    assert found(known, "192.0.2.9") == [(None, None, "vpn")]


def test_everything_is_a_network_too(tmp_path: Path) -> None:
    known = enrichment(tmp_path, "cidr,kind\n::/0,six\n0.0.0.0/0,four\n255.255.255.255,last\n")
    assert [kind for *_, kind in found(known, "::1", "0.0.0.1", "255.255.255.255")] == [
        "six", "four", "last",
    ]  # fmt: skip
    assert found(known, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")[0][2] == "six"


def test_a_row_keeps_the_values_that_it_brings(tmp_path: Path) -> None:
    known = enrichment(tmp_path, NETWORKS)
    table = pa.table(
        {
            "source_ip": ["192.0.2.1", "192.0.2.1"],
            "country": pa.array(["AT", None]),
            "asn": pa.array([None, None], pa.int32()),
        }
    )
    added = known.add(table)
    assert added["country"].to_pylist() == ["AT", "DE"]
    assert added["asn"].to_pylist() == [64500, 64500]
    assert added.column_names == ["source_ip", "country", "asn", "network_kind"]
    assert added["asn"].type == pa.int32()


def test_without_a_file_nothing_is_added() -> None:
    table = pa.table({"source_ip": ["192.0.2.1"]})
    assert Enrichment(HuntSettings()).add(table) is table


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("network,asn\n192.0.2.0/24,1\n", r"networks\.csv:1: no column cidr"),
        ("cidr\n192.0.2.0/24\n192.0.2.0/33\n", r"networks\.csv:3: .* prefix length from 0 to 32"),
        ("cidr\nexample.com\n", r"networks\.csv:2: 'example\.com' is no network"),
        ("cidr\n192.0.2.0/x\n", r"networks\.csv:2: '192\.0\.2\.0/x' is no network"),
        ("cidr,asn\n192.0.2.0/24,ASX\n", r"networks\.csv:2: 'ASX' is no AS number"),
        (b"\xff\xfe", "cannot read enrich"),
    ],
)
def test_a_network_that_means_nothing_stops_the_start(
    tmp_path: Path, text: str | bytes, why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        enrichment(tmp_path, text)


def test_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    for name in ("no.csv", "no.mmdb"):
        with pytest.raises(ConfigError, match="cannot read enrich"):
            Enrichment(HuntSettings(folder=tmp_path, enrich=Enrich(networks=Path(name))))


CIDRS = strategies.tuples(strategies.integers(0, 2**32 - 1), strategies.integers(20, 32))


@hypothesis_settings(max_examples=40, deadline=None)
@given(
    strategies.lists(CIDRS, max_size=12, unique=True),
    strategies.lists(strategies.integers(0, 2**32 - 1), min_size=1, max_size=8),
)
def test_ranges_agree_with_asking_every_network(
    cidrs: list[tuple[int, int]], asked: list[int]
) -> None:
    networks = [ipaddress.ip_network((start, prefix), strict=False) for start, prefix in cidrs]
    v4 = int.from_bytes(enrich.V4 + bytes(4), "big")
    ranges = enrich._Ranges.build(
        (v4 + int(net.network_address), 96 + net.prefixlen, enrich.Network(asn=i))
        for i, net in enumerate(networks)
    )
    asked += [int(net.network_address) for net in networks]
    asked += [int(net.broadcast_address) for net in networks]
    for address, answer in zip(
        asked, ranges.look_up([str(ipaddress.IPv4Address(a)) for a in asked]), strict=True
    ):
        holding = [n for n in networks if ipaddress.IPv4Address(address) in n]
        longest = max((net.prefixlen for net in holding), default=None)
        got = None if answer.asn is None else networks[answer.asn].prefixlen
        assert got == longest


@pytest.mark.data
def test_the_public_list_of_networks_loads_within_a_second(data: Path, tmp_path: Path) -> None:
    table = pq.read_table(data / "ref_ip_ranges.parquet", columns=["cidr", "kind"])
    lines = [f"{row['cidr']},{row['kind']}" for row in table.to_pylist()]
    (tmp_path / "n.csv").write_text("\n".join(["cidr,kind", *lines]))
    before = time.process_time()
    Enrichment(HuntSettings(folder=tmp_path, enrich=Enrich(networks=Path("n.csv"))))
    assert time.process_time() - before < 2  # 0.6 s on the machine that measured it


def control(kind: int, size: int) -> bytes:
    """Return the control byte of a value, as the format's page defines it."""
    if kind > 7:
        return bytes([size, kind - 7])
    return bytes([kind << 5 | size]) if size < 29 else bytes([kind << 5 | 29, size - 29])


def encoded(value: object) -> bytes:
    if isinstance(value, bool):
        return control(14, int(value))
    if isinstance(value, int):
        data = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return control(6, len(data)) + data
    if isinstance(value, str):
        return control(2, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return control(11, len(value)) + b"".join(encoded(item) for item in value)
    assert isinstance(value, dict)
    items = (encoded(key) + encoded(item) for key, item in value.items())
    return control(7, len(value)) + b"".join(items)


def mmdb(networks: dict[str, dict[str, object]]) -> bytes:
    """Return an .mmdb file of disjoint IPv4 networks; record size 24."""
    nodes: list[list[Any]] = [[None, None]]
    data = b""
    for cidr, record in networks.items():
        net = ipaddress.ip_network(cidr)
        bits = f"{int(net.network_address):032b}"[: net.prefixlen]
        node = nodes[0]
        for bit in bits[:-1]:
            if node[int(bit)] is None:
                nodes.append([None, None])
                node[int(bit)] = nodes[-1]
            node = node[int(bit)]
        node[int(bits[-1])] = len(data)
        data += encoded(record)
    number = {id(node): i for i, node in enumerate(nodes)}
    count, tree = len(nodes), b""
    for node in nodes:
        for side in node:
            if side is None:
                at = count
            else:
                at = count + 16 + side if isinstance(side, int) else number[id(side)]
            tree += at.to_bytes(3, "big")
    about = {
        "node_count": count, "record_size": 24, "ip_version": 4, "database_type": "Test",
        "languages": ["en"], "binary_format_major_version": 2,
        "binary_format_minor_version": 0, "build_epoch": 1, "description": {"en": "test"},
    }  # fmt: skip
    return tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + encoded(about)


def test_an_mmdb_of_any_usual_layout_is_read(tmp_path: Path) -> None:
    file = mmdb(
        {
            "192.0.2.0/24": {"autonomous_system_number": 64500, "country": {"iso_code": "DE"}},
            "198.51.100.0/25": {"asn": "AS64501", "country": "fr", "kind": "vpn"},
            "198.51.100.128/25": {"traits": {"is_hosting_provider": True}},
            "203.0.113.0/24": {"asn": "nonsense", "is_tor_exit_node": True},
        }
    )
    known = enrichment(tmp_path, file, "n.mmdb")
    assert found(
        known, "192.0.2.77", "198.51.100.1", "198.51.100.200", "203.0.113.5", "192.0.3.1",
        "2001:db8::1",
    ) == [
        (64500, "DE", None), (64501, "FR", "vpn"), (None, None, "cloud"),
        (None, None, "tor"), (None, None, None), (None, None, None),
    ]  # fmt: skip


def test_what_is_remembered_of_an_mmdb_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrich, "KEPT", 100)
    known = enrichment(tmp_path, mmdb({"192.0.2.0/24": {"kind": "vpn"}}), "n.mmdb")
    for i in range(10):
        found(known, *(f"192.0.{i}.{j}" for j in range(50)))
    assert known._look_up is not None
    assert len(known._look_up.__self__.known) <= 100  # type: ignore[attr-defined]  # bound method


def test_a_broken_mmdb_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read enrich"):
        enrichment(tmp_path, b"nothing of the kind", "n.mmdb")


def test_mail_domains_are_read_lower_case_without_comments(tmp_path: Path) -> None:
    (tmp_path / "d.txt").write_text("\ufeffMail.example.com\n# note\n\nb.example.com # why\n")
    given_ = HuntSettings(folder=tmp_path, enrich=Enrich(mail_domains=Path("d.txt")))
    assert mail_domains(given_) == {"mail.example.com", "b.example.com"}
    assert mail_domains(HuntSettings()) == frozenset()
    with pytest.raises(ConfigError, match="cannot read enrich"):
        mail_domains(HuntSettings(folder=tmp_path, enrich=Enrich(mail_domains=Path("no"))))

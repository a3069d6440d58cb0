"""Networks are joined when a line is read, and stay in the lake."""

import json
from pathlib import Path

from stillhunt.hunt import call
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.settings import Enrich, HuntSettings


def test_an_address_brings_its_network_into_the_lake(tmp_path: Path) -> None:
    (tmp_path / "networks.csv").write_text(
        "cidr,asn,country,kind\n192.0.2.0/24,64500,DE,cloud\n2001:db8::/32,64501,FR,vpn\n"
    )
    log = tmp_path / "log.jsonl"
    addresses = ["192.0.2.9", "2001:db8::1", "198.51.100.1"]
    log.write_text(
        "\n".join(json.dumps({"ts_us": 1_790_000_000_000_000, "source_ip": a}) for a in addresses)
    )
    settings = HuntSettings(folder=tmp_path, enrich=Enrich(networks=Path("networks.csv")))
    call.ingest(log, lake=tmp_path / "lake", config=settings)
    rows = (
        Lake.open(tmp_path / "lake")
        .connect()
        .execute("SELECT source_ip, asn, country, network_kind FROM exchanges ORDER BY asn")
        .fetchall()
    )
    assert rows == [
        ("192.0.2.9", 64_500, "DE", "cloud"),
        ("2001:db8::1", 64_501, "FR", "vpn"),
        ("198.51.100.1", None, None, None),
    ]

"""What is known of an address: its network's operator, country and kind, joined at ingest.

Networks come from a CSV file (``cidr, asn, country, kind``) or from an ``.mmdb`` file. The
longest prefix wins; of the same network twice, the later line. A row that brings its own
values keeps them. Without a file the columns stay unknown and detectors say so.
Source: MaxMind DB file format 2.0, for ``.mmdb``.
"""

import csv
import re
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import maxminddb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.hunt.settings import HuntSettings
from stillhunt.model.errors import ConfigError

__all__ = ["Enrichment", "Network", "mail_domains"]

V4 = b"\0" * 10 + b"\xff\xff"
"""IPv4 lives inside of IPv6, as in RFC 4291 2.5.5.2: one table serves both."""
LARGEST_ASN = 2**31 - 1  # the column is int32; private 4-byte numbers above it stay unknown
KEPT = 100_000  # answers of an .mmdb file remembered; about 30 MB
MMDB_KINDS = {
    "is_tor_exit_node": "tor",
    "is_residential_proxy": "residential-proxy",
    "is_public_proxy": "proxy",
    "is_anonymous_vpn": "vpn",
    "is_hosting_provider": "cloud",
}


@dataclass(frozen=True, kw_only=True)
class Network:
    """What one network is."""

    asn: int | None = None
    country: str | None = None
    """ISO 3166-1 alpha-2."""
    kind: str | None = None


NOTHING = Network()
FIELDS = {"asn": "asn", "country": "country", "network_kind": "kind"}
TYPES = {"asn": pa.int32(), "country": pa.string(), "network_kind": pa.string()}


class Enrichment:
    """Networks, ready to be joined; shared by threads, because it only reads."""

    def __init__(self, settings: HuntSettings) -> None:
        """Load the file that ``enrich.networks`` names, if any.

        Raises:
            ConfigError: The file is missing, or a line of it means nothing.
        """
        path = settings.enrich.networks
        self._look_up: Callable[[Sequence[str]], list[Network]] | None = None
        if path is None:
            return
        path = settings.folder / path
        self._look_up = (_Mmdb(path) if path.suffix == ".mmdb" else _Ranges.read(path)).look_up

    def add(self, table: pa.Table) -> pa.Table:
        """Return *table* with asn, country and network_kind filled in where they are unknown."""
        if self._look_up is None or "source_ip" not in table.column_names:
            return table
        coded = table["source_ip"].combine_chunks().dictionary_encode()
        found = self._look_up(coded.dictionary.to_pylist())
        for name, attribute in FIELDS.items():
            values = pa.array([getattr(network, attribute) for network in found], TYPES[name])
            column = values.take(coded.indices)
            if name in table.column_names:
                column = pc.coalesce(table[name], column)
                table = table.set_column(table.column_names.index(name), name, column)
            else:
                table = table.append_column(name, column)
        return table


def mail_domains(settings: HuntSettings) -> frozenset[str]:
    """Return the disposable mail domains, lower case; empty without a file.

    Raises:
        ConfigError: The file cannot be read.
    """
    path = settings.enrich.mail_domains
    if path is None:
        return frozenset()
    try:
        text = (settings.folder / path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read enrich.mail_domains {path}: {error}") from error
    lines = (line.partition("#")[0].strip().lower() for line in text.splitlines())
    return frozenset(line for line in lines if line)


@dataclass
class _Ranges:
    """Disjoint ranges that cover all addresses, by their starts, ascending."""

    starts: Any
    """Packed addresses, numpy S16."""
    owners: list[Network]

    @classmethod
    def read(cls, path: Path) -> "_Ranges":
        """Read a CSV file of networks."""
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = csv.DictReader(file)
                if "cidr" not in (rows.fieldnames or ()):
                    raise ConfigError(f"{path}:1: no column cidr; give cidr, asn, country, kind")
                return cls.build(_networks(path, rows))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise ConfigError(f"cannot read enrich.networks {path}: {error}") from error

    @classmethod
    def build(cls, networks: Iterable[tuple[int, int, Network]]) -> "_Ranges":
        """Cut nested networks into disjoint ranges, the innermost on top.

        Args:
            networks: First address, prefix length within 128 bits, and what it is.
        """
        starts: list[int] = [0]
        owners = [NOTHING]

        def begin(start: int, owner: Network) -> None:
            if starts[-1] == start:
                owners[-1] = owner
            else:
                starts.append(start)
                owners.append(owner)

        open_: list[tuple[int, Network]] = []  # end (exclusive) of each network we are inside of

        def close(until: int) -> None:
            while open_ and open_[-1][0] <= until:
                end, _ = open_.pop()
                begin(end, open_[-1][1] if open_ else NOTHING)

        for start, prefix, network in sorted(networks, key=lambda item: item[:2]):
            close(start)
            begin(start, network)
            open_.append((start + (1 << (128 - prefix)), network))
        close(1 << 128)
        if starts[-1] >> 128:  # the range behind the last address of all
            starts.pop(), owners.pop()
        packed = np.array([start.to_bytes(16, "big") for start in starts], "S16")
        return cls(packed, owners)

    def look_up(self, addresses: Sequence[str]) -> list[Network]:
        """Return the network of each address, in canonical form; unknown ones give nothing."""
        packed = np.array([_packed(address) for address in addresses], "S16")
        at = np.searchsorted(self.starts, packed, side="right") - 1
        return [self.owners[i] for i in at]


def _packed(address: str) -> bytes:
    """Return 16 bytes; the unspecified address ``::`` for what is none."""
    try:
        if ":" in address:
            return socket.inet_pton(socket.AF_INET6, address)
        return V4 + socket.inet_pton(socket.AF_INET, address)
    except (OSError, ValueError):
        return b"\0" * 16


def _networks(path: Path, rows: "csv.DictReader[str]") -> Iterable[tuple[int, int, Network]]:
    for row in rows:
        try:
            start, prefix = _cidr(row["cidr"] or "")
            network = Network(
                asn=_asn(row.get("asn")),
                country=(row.get("country") or "").strip().upper() or None,
                kind=(row.get("kind") or "").strip() or None,
            )
        except ValueError as error:
            raise ConfigError(f"{path}:{rows.line_num}: {error}") from error
        yield start, prefix, network


def _cidr(text: str) -> tuple[int, int]:
    address, _, length = text.strip().partition("/")
    wide = ":" in address
    bits = 128 if wide else 32
    try:
        packed = socket.inet_pton(socket.AF_INET6 if wide else socket.AF_INET, address)
        prefix = int(length) if length else bits
    except (OSError, ValueError):
        raise ValueError(f"{text!r} is no network; give one such as 192.0.2.0/24") from None
    if not 0 <= prefix <= bits:
        raise ValueError(f"{text!r} has no prefix length from 0 to {bits}")
    prefix += 128 - bits
    start = int.from_bytes(packed if wide else V4 + packed, "big")
    return start >> (128 - prefix) << (128 - prefix), prefix


def _asn(value: object) -> int | None:
    if value is None or isinstance(value, bool):
        return None
    match = re.fullmatch(r"\s*(?:AS)?(\d{1,10})\s*", str(value), re.IGNORECASE)
    if match is None and str(value).strip():
        raise ValueError(f"{str(value)!r} is no AS number; give one such as 64500")
    return int(match[1]) if match and int(match[1]) <= LARGEST_ASN else None


@dataclass
class _Mmdb:
    """An ``.mmdb`` file of any of the usual layouts."""

    path: Path
    known: dict[str, Network] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            self.reader = maxminddb.open_database(str(self.path), maxminddb.MODE_MMAP)
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
            raise ConfigError(f"cannot read enrich.networks {self.path}: {error}") from error

    def look_up(self, addresses: Sequence[str]) -> list[Network]:
        """Return the network of each address; unknown ones give nothing."""
        if len(self.known) + len(addresses) > KEPT:
            self.known = {}
        known = self.known  # another thread may swap it; ours stays whole
        return [known.get(a) or known.setdefault(a, self._one(a)) for a in addresses]

    def _one(self, address: str) -> Network:
        try:
            record = self.reader.get(address)
        except ValueError:  # no address, or IPv6 in a file of IPv4
            return NOTHING
        return _from_record(record) if isinstance(record, Mapping) else NOTHING


def _from_record(record: Mapping[str, Any]) -> Network:
    """Read the fields of GeoLite2 and GeoIP2 (ASN, Country, Anonymous IP) and flat layouts."""
    country = record.get("country") or record.get("registered_country")
    if isinstance(country, Mapping):
        country = country.get("iso_code")
    traits = record.get("traits") if isinstance(record.get("traits"), Mapping) else {}
    flags = {**record, **(traits or {})}
    kind = flags.get("kind") or next((k for f, k in MMDB_KINDS.items() if flags.get(f)), None)
    asn = flags.get("autonomous_system_number") or flags.get("asn")
    try:
        number = _asn(asn)
    except ValueError:
        number = None
    return Network(asn=number, country=str(country).upper() if country else None, kind=kind)

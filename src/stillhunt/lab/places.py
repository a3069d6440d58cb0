"""Where requests come from: addresses with their network and country, a whole column at once.

Only addresses reserved for documentation appear (RFC 5737, RFC 3849), and autonomous systems
reserved for private use (RFC 6996). 768 IPv4 addresses are all there are, so most places are
IPv6: the third group of an address tells the network, as a /48 of its own.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from stillhunt.lab.arrivals import DAY_US
from stillhunt.lab.grammar import IntArray, place
from stillhunt.lab.native import mix, salt

__all__ = [
    "COUNTRIES",
    "Columns",
    "campuses",
    "clouds",
    "country_numbers",
    "homes",
    "merge",
    "mobiles",
    "offices",
    "prefixes",
    "proxies",
    "vpns",
]

COUNTRIES = (
    "US", "GB", "IN", "CA", "AU", "MX", "ES", "AR", "DE", "FR", "BR", "PT", "KZ", "SG", "TW",
    "NL", "PL", "TR", "ID", "VN", "JP", "KR", "NG", "KE", "ZA", "IT", "SE", "UA", "EG", "HK",
)  # fmt: skip
ISPS = 5  # access networks of a country
FIRST_ASN = 64_512
HOME, HOME_WIDTH = 0x1000, 80  # first /48 of access networks, and how many each has: 0x1000-0x3edf
MOBILE, MOBILE_WIDTH = 0x4000, 8
OFFICE, CAMPUS = 0x0100, 0x0800
CLOUD, CLOUD_WIDTH = 0x8000, 0x0A00
CLOUD_HOMES = ("US", "US", "DE", "SG", "US", "FR")  # where each cloud's machines stand
VPN_EXITS = 240  # in 203.0.113.0/24; everybody's VPN leaves through them
VPN_PROVIDERS = 8
Columns = dict[str, pa.Array]
"""source_ip, asn and country, one row for each request."""
PLAIN = 24  # so many offices or tenants of an actor have IPv4; there is no room for more


def country_numbers(codes: Sequence[str]) -> IntArray:
    """Return the index of each of *codes* in ``COUNTRIES``."""
    where = {code: i for i, code in enumerate(COUNTRIES)}
    return np.array([where[code] for code in codes], dtype=np.int64)


def homes(seed: int, name: str, number: IntArray, ts_us: IntArray, country: IntArray) -> Columns:
    """Return a home's /64 for each row, with a new host part each day.

    Args:
        seed: Of the population.
        name: Of the actor; the same number under another name is another home.
        number: Which home, shape (rows,).
        ts_us: When, shape (rows,).
        country: Index into ``COUNTRIES``, shape (rows,).
    """
    home = mix(number + salt(seed, f"{name} home"))
    host = mix(home + ts_us // DAY_US)
    isp = country * ISPS + (home >> 50 & 0xFF) % ISPS
    block = HOME + isp * HOME_WIDTH + (home & 0xFFFF) % HOME_WIDTH
    return _spots(_hosts(block, home >> 16 & 0xFFFF, host), isp, country)


def mobiles(
    seed: int, name: str, number: IntArray, session: IntArray, country: IntArray
) -> Columns:
    """Return an address of a mobile network, another /64 for each session."""
    one = mix(mix(number + salt(seed, f"{name} mobile")) + session)
    isp = country * ISPS + (one >> 50 & 0xFF) % 2  # two of the networks are mobile
    block = MOBILE + isp * MOBILE_WIDTH + (one & 0xFFFF) % MOBILE_WIDTH
    return _spots(_hosts(block, one >> 16 & 0xFFFF, mix(one)), isp, country)


def offices(seed: int, name: str, number: IntArray, country: IntArray) -> Columns:
    """Return the one address behind which the office *number* sits."""
    one = mix(number + salt(seed, f"{name} office"))
    isp = country * ISPS + (one >> 50 & 0xFF) % ISPS
    block, house = OFFICE + (one & 0xFFFF) % (CAMPUS - OFFICE), one >> 16 & 0xFFFF
    return _spots(
        [
            f"192.0.2.{h % 250 + 1}" if n < PLAIN else f"2001:db8:{b:x}:{h:x}::1"
            for n, b, h in zip(number.tolist(), block.tolist(), house.tolist(), strict=True)
        ],
        isp,
        country,
    )


def campuses(
    seed: int, name: str, number: IntArray, person: IntArray, country: IntArray
) -> Columns:
    """Return one of the four exits of the campus *number*; a *person* keeps to one of them."""
    one = mix(number + salt(seed, f"{name} campus"))
    block, exit_ = CAMPUS + (one & 0xFFFF) % CAMPUS, mix(person) & 3
    asn = 400 + (one >> 20 & 0xFFFF) % 600
    texts = [
        f"2001:db8:{b:x}::{e + 1:x}" for b, e in zip(block.tolist(), exit_.tolist(), strict=True)
    ]
    return _spots(texts, asn, country)


def clouds(seed: int, name: str, tenant: IntArray, worker: IntArray) -> Columns:
    """Return a rented machine: a /64 for each tenant, one host for each of its workers."""
    one = mix(tenant + salt(seed, f"{name} cloud"))
    cloud = (one >> 50 & 0xFF) % len(CLOUD_HOMES)
    block = CLOUD + cloud * CLOUD_WIDTH + (one & 0xFFFF) % CLOUD_WIDTH
    texts = [
        f"198.51.100.{(h + w) % 250 + 1}" if t < PLAIN and h & 3 == 0
        else f"2001:db8:{b:x}:{h:x}::{w + 16:x}"
        for t, b, h, w in zip(
            tenant.tolist(), block.tolist(), (one >> 16 & 0xFFFF).tolist(), worker.tolist(),
            strict=True,
        )
    ]  # fmt: skip
    return _spots(texts, 300 + cloud, country_numbers(CLOUD_HOMES)[cloud])


def prefixes(seed: int, name: str, number: IntArray, width: int = 16) -> Columns:
    """Return addresses of one rented prefix: *number* says which /64 of the *width* in it."""
    (one,) = mix(np.zeros(1, dtype=np.int64) + salt(seed, f"{name} prefix"))
    cloud = np.full(len(number), int(one >> 50 & 0xFF) % len(CLOUD_HOMES))
    block = CLOUD + int(cloud[0] if len(cloud) else 0) * CLOUD_WIDTH + int(one) % CLOUD_WIDTH
    texts = [
        f"2001:db8:{block:x}:{h % width:x}::{(h >> 8 & 0xFF) + 2:x}"
        for h in (mix(number) & 0xFFFFFF).tolist()
    ]
    return _spots(texts, 300 + cloud, country_numbers(CLOUD_HOMES)[cloud])


def vpns(seed: int, name: str, number: IntArray, session: IntArray) -> Columns:
    """Return a VPN's exit: everybody shares them, and a session may take another one.

    Args:
        seed: Of the population.
        name: Of the actor.
        number: Who, shape (rows,); he keeps to one provider.
        session: Which connection, shape (rows,); each may leave elsewhere.
    """
    who = mix(number + salt(seed, f"{name} vpn"))
    provider = (who & 0xFF) % VPN_PROVIDERS
    exit_ = (mix(who + session) & 0xFFFF) % (VPN_EXITS // VPN_PROVIDERS) * VPN_PROVIDERS + provider
    country = (mix(exit_) & 0xFFFF) % len(COUNTRIES)
    return _spots([f"203.0.113.{e + 8}" for e in exit_.tolist()], 320 + provider, country)


def proxies(seed: int, name: str, turn: IntArray, country: IntArray) -> Columns:
    """Return homes of other people, one for each different *turn*: residential proxies.

    Nothing but the choice of home tells them from ``homes``.
    """
    return homes(seed, f"{name} proxy", turn, mix(turn) >> 24, country)


def merge(parts: Sequence[tuple[IntArray, Columns]]) -> Columns:
    """Join places; each goes to its rows, and together the rows are 0 .. n - 1."""
    return {
        name: place([(rows, columns[name]) for rows, columns in parts])
        for name in ("source_ip", "asn", "country")
    }


def _hosts(block: IntArray, net: IntArray, host: IntArray) -> list[str]:
    return [
        f"2001:db8:{b:x}:{n:x}:{t >> 48 & 0xFFFF:x}:{t >> 32 & 0xFFFF:x}"
        f":{t >> 16 & 0xFFFF:x}:{t & 0xFFFF:x}"
        for b, n, t in zip(block.tolist(), net.tolist(), host.tolist(), strict=True)
    ]


def _spots(texts: list[str], asn: IntArray, country: IntArray) -> Columns:
    return {
        "source_ip": pa.array(texts, pa.string()),
        "asn": pa.array(FIRST_ASN + asn, pa.int32()),
        "country": pa.array(COUNTRIES).take(pa.array(country)),
    }

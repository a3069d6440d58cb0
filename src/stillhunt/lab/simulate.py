"""Put a population together, in a few sizes, and write it with its truth to a folder."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from stillhunt.lab.crowd import Actor, Crowd, Outage
from stillhunt.lab.folder import Summary, write
from stillhunt.lab.harvesters import Harvesters
from stillhunt.lab.people import People
from stillhunt.lab.pipelines import Pipelines
from stillhunt.lab.population import honest
from stillhunt.model.errors import ConfigError
from stillhunt.registry import parts
from stillhunt.settings import near

__all__ = ["SIZES", "Size", "Summary", "campaign_names", "demo_day", "simulate"]

CLUMSY = "clumsy"
USUAL = ("pool", CLUMSY)
"""What attacks where nothing is said: the first of these that there is."""
START = datetime.date(2026, 9, 7)  # a Monday
MOST_ATTACKERS = 0.5
MINUTE_US = 60_000_000


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a population is, and how much of it is written."""

    accounts: int
    days: int
    per_account_day: float
    """Mean exchanges of an account on a working day, all kinds together."""
    people_per_day: float
    harvest: float
    """Mean exchanges of one harvester in all."""
    base_rate: float = 0.01
    pace: float = 1.0
    """How much the honest kinds send, relative to what is usual for them."""
    compressed: bool = True
    brief: bool = False
    batch: int = 20_000


SIZES: Mapping[str, Size] = {
    "small": Size(
        accounts=2_000, days=7, per_account_day=18, people_per_day=5.5, harvest=2_000,
        compressed=False,
    ),
    "medium": Size(
        accounts=10_000, days=14, per_account_day=14.3, people_per_day=5.5, harvest=2_000
    ),
    # 16M exchanges in all. With 9 % attackers, as many as the pool of 25,000 that this size
    # is made for, a clumsy one can only take 150 answers: above the volume bound, once.
    "large": Size(
        accounts=275_000, days=7, per_account_day=9.08, people_per_day=3.5, harvest=150,
        base_rate=0.09, pace=0.4, brief=True, batch=100_000,
    ),
}  # fmt: skip


def simulate(
    out: Path,
    *,
    size: str = "small",
    seed: int = 1,
    campaigns: tuple[str, ...] = (),
    base_rate: float | None = None,
    days: int | None = None,
    accounts: int | None = None,
    evasion: object | None = None,
) -> Summary:
    """Write a simulated population to the folder *out*.

    The same arguments give the same bytes. ``exchanges.jsonl`` is in order of time; medium and
    large are compressed to ``exchanges.jsonl.zst``.

    Args:
        out: Folder to make. An earlier simulation in it is replaced.
        seed: Number from 0 to 2,147,483,647 that everything is drawn from.
        days: Length of the period, instead of the size's own [days].
        accounts: Accounts of all kinds, instead of the size's own.
        size: small (2,000 accounts, 7 days), medium (10,000, 14) or large (275,000, 7, 16M
            exchanges; prompts are short and answers left out).
        campaigns: What attacks, names of ``campaign_names``, in equal parts; default ``USUAL``.
        evasion: How campaigns hide (``lab/evasion.py``); default: each in its own way.
        base_rate: Share of attacking accounts in [0, 0.5]; default that of the size.

    Raises:
        ConfigError: An argument means nothing, or a campaign is unknown.
        InputError: *out* holds something else.
        StillhuntError: The folder cannot be written.
    """
    if size not in SIZES:
        raise ConfigError(f"size is {size!r}; give {', '.join(SIZES)}{near(size, SIZES)}")
    known = campaign_names()
    for one in campaigns:
        if one not in known:
            raise ConfigError(
                f"there is no campaign {one!r}; there is {', '.join(known)}{near(one, known)}"
            )
    chosen = SIZES[size]
    total = _within("accounts", chosen.accounts if accounts is None else accounts, 20, 5_000_000)
    span = _within("days", chosen.days if days is None else days, 1, 366)
    rate = chosen.base_rate if base_rate is None else base_rate
    if not 0 <= rate <= MOST_ATTACKERS:
        raise ConfigError(f"base_rate is {rate!r}; give a share of accounts in [0, 0.5]")
    _within("seed", seed, 0, 2**31 - 1)
    actors = _actors(
        chosen, seed=seed, accounts=total, days=span, rate=rate, campaigns=campaigns,
        evasion=evasion,
    )  # fmt: skip
    crowd = Crowd(
        actors=actors, seed=seed, start=START, days=span, outages=_outages(START, span),
        batch=chosen.batch,
    )  # fmt: skip
    return write(out, crowd, compressed=chosen.compressed)


def demo_day(out: Path, seed: int = 1) -> Path:
    """Write one day of about 400 accounts and 40,000 exchanges to *out*, and return *out*.

    One clumsy harvester among people and pipelines; an earlier simulation is replaced.

    Raises:
        InputError: *out* holds something else.
        StillhuntError: The folder cannot be written.
    """
    _within("seed", seed, 0, 2**31 - 1)
    start = START + datetime.timedelta(days=1)
    crowd = Crowd(
        actors=(
            People(count=377, seed=seed, per_day=17.0),
            Pipelines(count=22, seed=seed, per_day=1_400.0),
            Harvesters(count=1, seed=seed, requests=2_900.0),
        ),
        seed=seed, start=start, days=1, outages=_outages(start, 1),
    )  # fmt: skip
    write(out, crowd, compressed=False)
    return out


def _within(name: str, value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise ConfigError(f"{name} is {value!r}; give a number from {least:,} to {most:,}")
    return value


def campaign_names() -> tuple[str, ...]:
    """Return the campaigns that can be simulated: the clumsy harvester and all parts."""
    return (CLUMSY, *(name for name in _parts() if name != CLUMSY))


def _parts() -> Mapping[str, type[Any]]:
    return parts("stillhunt.lab.campaigns") if find_spec("stillhunt.lab.campaigns") else {}


def _actors(
    size: Size,
    *,
    seed: int,
    accounts: int,
    days: int,
    rate: float,
    campaigns: tuple[str, ...] = (),
    evasion: object | None = None,
) -> tuple[Actor, ...]:
    """Share the accounts out; pipelines send what is left of the size's exchanges."""
    attackers = round(accounts * rate)
    chosen = campaigns or tuple(name for name in USUAL if name in campaign_names())[:1]
    attacks = _attacks(size, chosen, attackers, seed=seed, days=days, evasion=evasion)
    taken = sum(a.count * getattr(a, "per_day", size.harvest / days) * days for a in attacks)
    return (
        *honest(
            accounts - attackers, seed=seed, days=days, start_us=_moment(START), pace=size.pace,
            people_per_day=size.people_per_day, brief=size.brief,
            exchanges=size.per_account_day * accounts * days - taken,
        ),
        *attacks,
    )  # fmt: skip


def _attacks(
    size: Size,
    names: tuple[str, ...],
    attackers: int,
    *,
    seed: int,
    days: int,
    evasion: object | None,
) -> list[Actor]:
    """Return one actor for each campaign, with an equal part of the attackers."""
    actors: list[Actor] = []
    more: dict[str, Any] = {"brief": True} if size.brief else {}
    if evasion is not None:
        more["evasion"] = evasion
    for number, name in enumerate(names):
        count = attackers * (number + 1) // len(names) - attackers * number // len(names)
        if not count:
            continue
        if name == CLUMSY:
            actors.append(Harvesters(count=count, seed=seed, requests=size.harvest, days=days))
        else:
            part = _parts()[name]
            actors.append(part(count=count, seed=seed, days=days, start_us=_moment(START), **more))
    return actors


def _outages(start: datetime.date, days: int) -> tuple[Outage, ...]:
    """Let the service fail for a quarter of an hour in the middle of the period."""
    begin = _moment(start) + days // 2 * 1440 * MINUTE_US + 845 * MINUTE_US
    return (Outage(start_us=begin, end_us=begin + 15 * MINUTE_US),)


def _moment(day: datetime.date) -> int:
    midnight = datetime.datetime.combine(day, datetime.time(), datetime.UTC)
    return int(midnight.timestamp()) * 1_000_000

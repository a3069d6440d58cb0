"""The generated day: actors put together, in order of time, a batch at a time.

An actor decides when its accounts ask (``arrivals``) and what (``exchanges``). Each draws from
random numbers of its own, so adding one actor does not change what the others do. Memory is
that of one day's arrivals and one batch of text, whatever the length.
"""

import datetime
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa

from stillhunt.lab.accounts import account_ids, keys
from stillhunt.lab.arrivals import DAY_US, Arrivals
from stillhunt.lab.grammar import IntArray, place
from stillhunt.lab.native import SCHEMA, hexes, mix, refused, salt

__all__ = ["Actor", "Banned", "Crowd", "Grouped", "Outage"]

WAVE = 5  # accounts that are shut out at one moment make a wave that everybody hears of
NEVER = np.iinfo(np.int64).max


class Actor(Protocol):
    """A kind of account. Accounts of one actor are numbered from 0."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def campaign(self) -> str | None: ...  # noqa: D102
    @property
    def count(self) -> int: ...  # noqa: D102

    def countries(self) -> list[str]:
        """Return the country of each account."""
        ...

    def arrivals(self, day: int, start_us: int, weekday: int) -> Arrivals:
        """Return the requests that belong to *day*, in any order; few may lie beyond it.

        Args:
            day: From 0.
            start_us: First moment of day 0 [us since epoch].
            weekday: 0 is Monday.
        """
        ...

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Return the rows of *arrivals* in their order, columns ``native.SCHEMA``.

        The crowd adds exchange_id and account_id, and org_id and key_hash where they are null.
        """
        ...

    def records(self, ids: list[str], start_s: int) -> list[dict[str, Any]]:
        """Return the directory record of each account, keys ``accounts.DIRECTORY``.

        Args:
            ids: The accounts' ids; asked twice, the answer is the same.
            start_s: First moment of the simulation [s since epoch].
        """
        ...


@runtime_checkable
class Grouped(Protocol):
    """An actor whose accounts act in groups; one that attacks is one group otherwise."""

    def groups(self) -> list[str]:
        """Return the name of each account's group."""
        ...


@runtime_checkable
class Banned(Protocol):
    """An actor some of whose accounts are shut out."""

    @property
    def bans(self) -> Mapping[int, int]:
        """Account -> moment from which all its requests are refused [us since the start]."""
        ...


@dataclass(frozen=True, kw_only=True)
class Outage:
    """Minutes in which the service fails for everybody."""

    start_us: int
    end_us: int
    share: float = 0.7
    """Share of the requests that are answered with 503."""


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Actors over some days."""

    actors: tuple[Actor, ...]
    seed: int
    start: datetime.date
    days: int
    outages: tuple[Outage, ...] = ()
    batch: int = 20_000
    """Exchanges written at once; 20,000 with their answers are about 30 MB."""

    @property
    def start_us(self) -> int:
        """First moment [us since epoch]."""
        midnight = datetime.datetime.combine(self.start, datetime.time(), datetime.UTC)
        return int(midnight.timestamp()) * 1_000_000

    @property
    def end_us(self) -> int:
        """First moment that is no longer covered [us since epoch]."""
        return self.start_us + self.days * DAY_US

    @cached_property
    def ids(self) -> tuple[list[str], ...]:
        """Account ids of each actor."""
        return tuple(account_ids(self.seed, a.name, a.count) for a in self.actors)

    @cached_property
    def _names(self) -> tuple[dict[str, pa.Array], ...]:
        """Return what is written of each actor's accounts; the records are not kept."""
        return tuple(
            {
                "account_id": pa.array(ids, pa.string()),
                "org_id": pa.array([r["org_id"] for r in self._records(number)], pa.string()),
                "key_hash": keys(ids),
            }
            for number, ids in enumerate(self.ids)
        )

    def _records(self, number: int) -> list[dict[str, Any]]:
        return self.actors[number].records(self.ids[number], self.start_us // 1_000_000)

    @cached_property
    def _bans(self) -> tuple[IntArray | None, ...]:
        """Return when each account of an actor is shut out [us since epoch]."""
        return tuple(
            _moments(actor.bans, count, self.start_us) if isinstance(actor, Banned) else None
            for actor, count in zip(self.actors, map(len, self.ids), strict=True)
        )

    def waves(self) -> list[int]:
        """Return the moments at which many accounts were shut out at once [us since epoch]."""
        counts = Counter(t for bans in self._bans if bans is not None for t in bans.tolist())
        return sorted(t for t, n in counts.items() if n >= WAVE and t < self.end_us)

    def directory(self) -> list[dict[str, Any]]:
        """Return the account directory, sorted by id."""
        records = [
            record for number in range(len(self.actors)) for record in self._records(number)
        ]
        return sorted(records, key=lambda r: str(r["account_id"]))

    def truth(self) -> list[dict[str, Any]]:
        """Return who is what, sorted by id; accounts of one ``group`` act as one."""
        records = [
            {
                "account_id": account,
                "label": "attack" if actor.campaign else "benign",
                "campaign": actor.campaign,
                "kind": actor.kind,
                "group": group,
            }
            for actor, ids in zip(self.actors, self.ids, strict=True)
            for account, group in zip(ids, _groups(actor), strict=True)
        ]
        return sorted(records, key=lambda r: str(r["account_id"]))

    def batches(self) -> Iterator[pa.Table]:
        """Yield every exchange in order of time, ``self.batch`` rows at a time."""
        written = 0
        waiting = [Arrivals.none() for _ in self.actors]
        for day in range(-1, self.days):  # day -1: sessions that run past its midnight
            waiting, today = self._day(day, waiting)
            order = _in_order(today)
            for first in range(0, len(order[0]), self.batch):
                rows = order[0][first : first + self.batch], order[1][first : first + self.batch]
                yield self._batch(today, rows, written)
                written += len(rows[0])

    def _day(self, day: int, waiting: Sequence[Arrivals]) -> tuple[list[Arrivals], list[Arrivals]]:
        """Return what must wait for the next day, and what comes today."""
        weekday = (self.start.weekday() + day) % 7
        left, right = self.start_us + day * DAY_US, self.start_us + (day + 1) * DAY_US
        later, today = [], []
        for actor, before in zip(self.actors, waiting, strict=True):
            new = before.join(actor.arrivals(day, self.start_us, weekday))
            beyond = new.ts_us >= right
            later.append(new.take(beyond))
            today.append(new.take(~beyond & (new.ts_us >= max(left, self.start_us))))
        return later, today

    def _batch(
        self, today: Sequence[Arrivals], rows: tuple[IntArray, IntArray], written: int
    ) -> pa.Table:
        """Write out the arrivals at *rows*: which actor, and which of its arrivals."""
        positions, tables = [], []
        for number, actor in enumerate(self.actors):
            at = np.flatnonzero(rows[0] == number)
            if not len(at):
                continue
            some = today[number].take(rows[1][at])
            rng = np.random.default_rng([self.seed, 51, number, written])
            tables.append(self._named(number, some, actor.exchanges(some, rng)))
            positions.append(at)
        columns = {
            name: place(
                [
                    (at, table[name].combine_chunks())
                    for at, table in zip(positions, tables, strict=True)
                ]
            )
            for name in SCHEMA.names
        }
        counter = np.arange(written, written + len(rows[0])) + salt(self.seed, "exchange")
        columns["exchange_id"] = hexes(mix(counter), "x-{:016x}")
        return self._failing(pa.table(columns, schema=SCHEMA), written)

    def _named(self, number: int, some: Arrivals, table: pa.Table) -> pa.Table:
        for name, values in self._names[number].items():
            at = table.schema.get_field_index(name)
            column = values.take(pa.array(some.account))
            if table[name].null_count < len(table):
                column = pa.compute.coalesce(table[name], column)
            table = table.set_column(at, name, column)
        bans = self._bans[number]
        if bans is None:
            return table
        return refused(table, some.ts_us >= bans[some.account], 403)

    def _failing(self, table: pa.Table, written: int) -> pa.Table:
        """Answer part of the requests of an outage with 503."""
        times = table["ts_us"].to_numpy()
        down = np.zeros(len(times), dtype=bool)
        rng = np.random.default_rng([self.seed, 52, written])
        for outage in self.outages:
            within = (times >= outage.start_us) & (times < outage.end_us)
            down |= within & (rng.random(len(times)) < outage.share)
        return refused(table, down, 503)


def _moments(bans: Mapping[int, int], count: int, start_us: int) -> IntArray:
    moments = np.full(count, NEVER)
    for account, after_us in bans.items():
        moments[account] = start_us + after_us
    return moments


def _groups(actor: Actor) -> Sequence[str | None]:
    """Return the group of each account; an actor that attacks is one, honest ones are none."""
    if isinstance(actor, Grouped):
        return actor.groups()
    return [f"{actor.name}-00000" if actor.campaign else None] * actor.count


def _in_order(today: Sequence[Arrivals]) -> tuple[IntArray, IntArray]:
    """Return, in order of time, which actor comes next and with which of its arrivals."""
    times = np.concatenate([a.ts_us for a in today])
    actor = np.repeat(np.arange(len(today)), [len(a) for a in today])
    place_ = np.concatenate([np.arange(len(a)) for a in today])
    order = np.argsort(times, kind="stable")
    return actor[order], place_[order]

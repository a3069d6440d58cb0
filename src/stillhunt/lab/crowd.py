"""The generated day: actors put together, in order of time, a batch at a time.

An actor decides when its accounts ask (``arrivals``) and what (``exchanges``). Each draws from
random numbers of its own, so adding one actor does not change what the others do. Memory is
that of one day's arrivals and one batch of text, whatever the length.
"""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from stillhunt.lab.accounts import account_ids, directory, keys, organisations
from stillhunt.lab.arrivals import DAY_US, Arrivals
from stillhunt.lab.grammar import IntArray, place
from stillhunt.lab.harvesters import Harvesters
from stillhunt.lab.native import SCHEMA, hexes, mix, salt
from stillhunt.lab.people import People
from stillhunt.lab.pipelines import Pipelines

__all__ = ["Actor", "Crowd", "Harvesters", "Outage", "People", "Pipelines"]

BATCH = 20_000  # exchanges written at once: about 30 MB


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
        """Return the rows of *arrivals* in their order, columns ``native.SCHEMA``, without ids."""
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
    def _orgs(self) -> tuple[list[str | None], ...]:
        return tuple(organisations(self.seed, a.name, a.kind, a.count) for a in self.actors)

    @cached_property
    def _names(self) -> tuple[dict[str, pa.Array], ...]:
        return tuple(
            {
                "account_id": pa.array(i, pa.string()),
                "org_id": pa.array(o, pa.string()),
                "key_hash": keys(i),
            }
            for i, o in zip(self.ids, self._orgs, strict=True)
        )

    def directory(self) -> list[dict[str, Any]]:
        """Return the account directory, sorted by id."""
        records = []
        for actor, ids, orgs in zip(self.actors, self.ids, self._orgs, strict=True):
            records += directory(
                seed=self.seed, kind=actor.kind, ids=ids, orgs=orgs,
                countries=actor.countries(), start_s=self.start_us // 1_000_000,
            )  # fmt: skip
        return sorted(records, key=lambda r: str(r["account_id"]))

    def truth(self) -> list[dict[str, Any]]:
        """Return who is what, sorted by id; accounts of one ``group`` act as one."""
        records = [
            {
                "account_id": account,
                "label": "attack" if actor.campaign else "benign",
                "campaign": actor.campaign,
                "kind": actor.kind,
                "group": f"{actor.campaign}-{number:05d}" if actor.campaign else None,
            }
            for actor, ids in zip(self.actors, self.ids, strict=True)
            for number, account in enumerate(ids)
        ]
        return sorted(records, key=lambda r: str(r["account_id"]))

    def batches(self) -> Iterator[pa.Table]:
        """Yield every exchange in order of time, ``BATCH`` rows at a time."""
        written = 0
        waiting = [Arrivals.none() for _ in self.actors]
        for day in range(-1, self.days):  # day -1: sessions that run past its midnight
            waiting, today = self._day(day, waiting)
            order = _in_order(today)
            for first in range(0, len(order[0]), BATCH):
                rows = order[0][first : first + BATCH], order[1][first : first + BATCH]
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
            column = values.take(pa.array(some.account))
            table = table.set_column(table.schema.get_field_index(name), name, column)
        return table

    def _failing(self, table: pa.Table, written: int) -> pa.Table:
        """Answer part of the requests of an outage with 503."""
        times = table["ts_us"].to_numpy()
        down = np.zeros(len(times), dtype=bool)
        rng = np.random.default_rng([self.seed, 52, written])
        for outage in self.outages:
            within = (times >= outage.start_us) & (times < outage.end_us)
            down |= within & (rng.random(len(times)) < outage.share)
        if not down.any():
            return table
        mask = pa.array(down)
        lost = {"status": 503, "output_tokens": None, "reasoning_tokens": None, "ttft_ms": None,
                "finish_reason": None, "output": None}  # fmt: skip
        for name, value in lost.items():
            at = SCHEMA.get_field_index(name)
            scalar = pa.scalar(value, SCHEMA.field(at).type)
            table = table.set_column(
                at, SCHEMA.field(at), pa.compute.if_else(mask, scalar, table[name])
            )
        return table


def _in_order(today: Sequence[Arrivals]) -> tuple[IntArray, IntArray]:
    """Return, in order of time, which actor comes next and with which of its arrivals."""
    times = np.concatenate([a.ts_us for a in today])
    actor = np.repeat(np.arange(len(today)), [len(a) for a in today])
    place_ = np.concatenate([np.arange(len(a)) for a in today])
    order = np.argsort(times, kind="stable")
    return actor[order], place_[order]

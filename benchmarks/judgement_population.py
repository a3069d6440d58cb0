"""Populations of the judgement: honest accounts once for each seed, attackers beside them.

Actors draw from random numbers of their own, so honest accounts are the same whatever attacks.
They are simulated, ingested and read by the baselines once for each seed; a cell adds the rows
of its attackers to a copy of the lake.
"""

import copy
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stillhunt.hunt.call import ingest
from stillhunt.hunt.directory import load_directory, with_times
from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.settings import HuntSettings
from stillhunt.lab.crowd import Actor, Crowd
from stillhunt.lab.evasion import Evasion
from stillhunt.lab.folder import write
from stillhunt.lab.judge.contest import Contest
from stillhunt.lab.judge.exchanges import Exchanges, stage
from stillhunt.lab.judge.truth import Known, read_truth
from stillhunt.lab.population import honest
from stillhunt.lab.simulate import START
from stillhunt.registry import parts

__all__ = ["Attacked", "Crowded", "Size", "crowded"]

PEOPLE_PER_DAY = 5.5  # as in the small size of the lab
ATTACK_SEED = 1_000_000  # names exchanges and accounts of attackers apart from honest ones


@dataclass(frozen=True)
class Size:
    """How large a population is."""

    honest: int
    days: int
    attackers: int
    per_account_day: float = 12.0
    """Mean exchanges of an honest account and day; pipelines send most of them."""

    @property
    def start_us(self) -> int:
        return Crowd(actors=(), seed=0, start=START, days=self.days).start_us


@dataclass(frozen=True)
class Attacked:
    """A population with its attackers, ready to be hunted and judged."""

    lake: Lake
    directory: pa.Table
    events: Path
    known: dict[str, Known]
    sent: Exchanges
    contest: Contest
    costs: dict[str, float]


@dataclass(frozen=True)
class Crowded:
    """The honest accounts of one seed."""

    folder: Path
    size: Size
    seed: int
    settings: HuntSettings
    sent: Exchanges
    contest: Contest

    def attacked(self, campaign: str, evasion: Sequence[str], place: Path) -> Attacked:
        """Return this population with *campaign* in it, everything new below *place*."""
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        words = Evasion.told(evasion)
        actor = parts("stillhunt.lab.campaigns")[campaign](
            count=self.size.attackers, seed=self.seed, days=self.size.days,
            start_us=self.size.start_us, evasion=words,
        )  # fmt: skip
        _simulate(place / "attack", (actor,), ATTACK_SEED + self.seed, self.size.days)
        _joined(place / "accounts.jsonl", self.folder / "people", place / "attack")
        events = _joined(place / "events.jsonl", self.folder / "people", place / "attack")
        shutil.copytree(self.folder / "lake", place / "lake", copy_function=_linked)
        attack = place / "attack" / "exchanges.jsonl"
        ingest([str(attack)], lake=place / "lake", as_="native", config=self.settings)
        people = read_truth(self.folder / "people" / "truth.jsonl")
        known = people | read_truth(place / "attack" / "truth.jsonl")
        contest = copy.deepcopy(self.contest)
        more = stage(attack, known, place, contest)
        return Attacked(
            lake=Lake.open(place / "lake"),
            directory=with_times(load_directory(place / "accounts.jsonl")),
            events=events,
            known=known,
            sent=self.sent.and_also(more),
            contest=contest,
            costs=_costs(place / "attack", more, words),
        )


def crowded(folder: Path, size: Size, seed: int) -> Crowded:
    """Simulate, ingest and read the honest accounts of *seed*, unless *folder* has them."""
    settings = HuntSettings(folder=folder)
    people = folder / "people"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        actors = honest(
            size.honest, seed=seed, days=size.days, start_us=size.start_us,
            people_per_day=PEOPLE_PER_DAY,
            exchanges=size.per_account_day * size.honest * size.days,
        )  # fmt: skip
        _simulate(people, actors, seed, size.days)
        ingest([str(people / "exchanges.jsonl")], lake=folder / "lake", as_="native",
               config=settings)  # fmt: skip
        (folder / "done").touch()
    contest = Contest()
    (folder / "staged").mkdir(exist_ok=True)
    known = read_truth(people / "truth.jsonl")
    sent = stage(people / "exchanges.jsonl", known, folder / "staged", contest)
    return Crowded(folder, size, seed, settings, sent, contest)


def _simulate(out: Path, actors: tuple[Actor, ...], seed: int, days: int) -> None:
    write(out, Crowd(actors=actors, seed=seed, start=START, days=days), compressed=False)


def _joined(out: Path, *folders: Path) -> Path:
    """Write the lines of the files of that name in *folders* one after the other."""
    out.write_text("".join((folder / out.name).read_text("utf-8") for folder in folders))
    return out


def _linked(source: str, target: str) -> None:
    """Link what is never changed in place, and copy the rest."""
    if source.endswith(".parquet"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def _costs(folder: Path, sent: Exchanges, evasion: Evasion) -> dict[str, float]:
    """Return what the campaign costs the attacker and what it brings him."""
    records: list[dict[str, Any]] = [
        json.loads(line) for line in (folder / "accounts.jsonl").read_text("utf-8").splitlines()
    ]
    with (folder / "exchanges.jsonl").open(encoding="utf-8") as file:
        addresses = {json.loads(line)["source_ip"] for line in file}
    requests = int(sent.sent.exchanges.sum() - 0)
    created = [np.datetime64(r["created_at"][:10]) for r in records if r.get("created_at")]
    ages = [float((np.datetime64(START) - day) / np.timedelta64(1, "D")) for day in created]
    return {
        "accounts": len(records),
        "cards": len({r["payment_hash"] for r in records if r.get("payment_hash")}),
        "addresses": len(addresses),
        "age_days": float(np.median(ages)) if ages else 0.0,
        "requests": requests,
        "kept": 1.0 - (evasion.cover or 0.0),
        "model_calls": float(requests if evasion.paraphrase else 0),
    }

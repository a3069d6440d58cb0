"""A campaign in general: accounts on a roster, one dispatcher, templates and a corpus of its own.

The parts of ``lab/campaigns`` are made of it and change what is theirs: who works when, what is
asked, how the requests look. All is drawn from the seed, so that two campaigns of one name share
neither wording nor questions, addresses, software or pace.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.lab import moments
from stillhunt.lab.arrivals import Arrivals, FloatArray
from stillhunt.lab.attack.corpus import DOMAINS, Corpus
from stillhunt.lab.attack.cover import Cover
from stillhunt.lab.attack.dispatch import Dispatcher
from stillhunt.lab.attack.outfit import Outfit
from stillhunt.lab.attack.roster import Roster, waves
from stillhunt.lab.attack.wording import Template, draft
from stillhunt.lab.cast import written
from stillhunt.lab.evasion import Evasion
from stillhunt.lab.forms import Said
from stillhunt.lab.grammar import IntArray, grammar, place
from stillhunt.lab.native import SCHEMA, hexes, mix, replaced, salt
from stillhunt.lab.pacing import Answers
from stillhunt.lab.people import STREAMED

__all__ = ["HONEST", "USUAL", "Operation", "spoken"]

Writer = Callable[[Arrivals, np.random.Generator], pa.Table]

HONEST = 1_000_000
"""Kinds of work from here on are cover: this much and the number of the person."""
PATHS = ("/v1/chat/completions", "/v1/messages", "/v1/responses")
SAMPLES = (1, 1, 1, 2, 4)  # how often a question is asked, for answers to choose from
WARMTH = (0.7, 1.0, None)
THINKING = (0.0, 0.0, 0.0, 0.35)  # share of the output that is reasoning billed apart
BEST = (0.0, 0.25, 0.75)  # what a harvest buys: the weights of ``moments.MODELS``
RESERVE = 1.2  # questions kept for a day, against those of a mean one
FIRST_MS = 380.0  # until an answer begins, as people see it
NEIGHBOUR = 977  # how far away the other question of a pair stands
OVERHEAD = 6  # tokens of a request beside its text
AS_USUAL = Evasion()  # no knob turned
USUAL = Evasion(
    cover=0.0, proxies=True, pacing="poisson", paraphrase=False, cards="few", aged=False,
    mimic=False,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One campaign. What its ways are by itself stands in ``habit``."""

    count: int
    seed: int
    days: int = 7
    start_us: int = 0
    per_day: float = 26.0
    """Mean requests of an account that works, on each day, cover included."""
    evasion: Evasion = AS_USUAL
    brief: bool = False

    title: ClassVar[str] = ""
    kind: ClassVar[str] = ""
    habit: ClassVar[Evasion] = USUAL
    families: ClassVar[tuple[str, ...]] = ("solve",)
    """Frames that its templates are drafted from."""
    templates: ClassVar[tuple[int, int]] = (2, 6)
    """How many templates: at least, below."""

    @property
    def name(self) -> str:
        """The part's name, and the campaign's."""
        return type(self).__name__.lower()

    @property
    def campaign(self) -> str:
        """The campaign's name in the truth."""
        return self.name

    @cached_property
    def ways(self) -> Evasion:
        """How it hides: the knobs that were turned, else its habit."""
        return self.evasion.over(self.habit)

    @cached_property
    def salted(self) -> int:
        """A seed of its own: the same seed under another name draws otherwise."""
        return abs(int(salt(self.seed, f"{self.name} campaign"))) >> 1

    def rng(self, *purpose: int) -> np.random.Generator:
        """Return random numbers for one purpose."""
        return np.random.default_rng([self.salted, *purpose])

    @cached_property
    def roster(self) -> Roster:
        """Who works when."""
        return waves(self.rng(1), self.count, self.days)

    @cached_property
    def outfit(self) -> Outfit:
        """Addresses, software and directory records."""
        return Outfit(seed=self.salted, name=self.name, roster=self.roster, ways=self.ways)

    @cached_property
    def jobs(self) -> tuple[Template, ...]:
        """The templates."""
        rng = self.rng(2)
        number = int(rng.integers(*self.templates))
        order = rng.permutation(len(self.families))
        return tuple(
            draft(rng, self.families[order[i % len(order)]], paraphrase=bool(self.ways.paraphrase))
            for i in range(number)
        )

    @cached_property
    def weights(self) -> FloatArray:
        """How much each template is used."""
        drawn: FloatArray = self.rng(3).dirichlet(np.full(len(self.jobs), 2.0))
        return drawn

    @cached_property
    def corpus(self) -> Corpus:
        """What is asked."""
        rng = self.rng(4)
        chosen = rng.permutation(len(DOMAINS))[: rng.integers(3, len(DOMAINS))]
        return Corpus(seed=self.salted, domains=tuple(DOMAINS[int(i)] for i in chosen))

    @cached_property
    def code(self) -> Corpus:
        """What is asked of a programmer."""
        return Corpus(seed=self.salted + 1, domains=("coding",), common=(0.0, 0.1))

    @cached_property
    def drawn(self) -> dict[str, Any]:
        """What the dispatcher always sends."""
        rng = self.rng(5)
        warmth = WARMTH[rng.integers(len(WARMTH))]
        return {
            "path": PATHS[rng.integers(len(PATHS))],
            "temperature": warmth,
            "samples": int(rng.choice(SAMPLES)),
            "thinking": float(rng.choice(THINKING)),
        }

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """How requests are dealt out."""
        return Dispatcher.drawn(self.rng(6), self.ways.pacing or "poisson")

    @cached_property
    def cover(self) -> Cover:
        """The honest users that the accounts' cover is drawn like."""
        return Cover(
            name=self.name, count=self.count, seed=self.salted,
            per_day=(self.ways.cover or 0.0) * self.per_day, brief=self.brief,
            release=moments.release_us(self.start_us, self.days),
        )  # fmt: skip

    def countries(self) -> list[str]:
        """Return the country that each account claims."""
        return self.outfit.home.codes

    def records(self, ids: list[str], start_s: int) -> list[dict[str, Any]]:
        """Return the directory records."""
        return self.outfit.records(ids, start_s)

    def arrivals(self, day: int, start_us: int, weekday: int) -> Arrivals:
        """Return the requests of *day*, harvest and cover."""
        share = self.ways.cover or 0.0
        found = Arrivals.none()
        if day >= 0 and share < 1:
            found = self.harvest(day, start_us, (1 - share) * self.per_day)
        if share:
            people = self.cover.arrivals(day, start_us, weekday)
            people = dataclasses.replace(people, part=HONEST + people.account)
            found = found.join(self.roster.within(people, start_us))
        return found

    def harvest(self, day: int, start_us: int, rate: float) -> Arrivals:
        """Return what the dispatcher sends on *day*, *rate* requests for each account."""
        rng = self.rng(7, day)
        works, busy, covered = self.roster.share(day)
        if not covered:
            return Arrivals.none()
        total = int(rng.poisson(rate * busy / covered))
        answers = Answers(median=self._median(), sigma=0.5, most=8000)
        dealt = self.dispatcher.deal(
            rng, total, len(works), day=day, start_us=start_us, answers=answers
        )
        dealt = dataclasses.replace(dealt, account=works[dealt.account])
        dealt = self.roster.stand_in(rng, dealt, start_us)
        dealt = dealt.take(np.argsort(dealt.ts_us, kind="stable"))
        first = day * int(np.ceil(self.per_day * self.count * RESERVE))
        number = first + np.arange(len(dealt)) // self.drawn["samples"]
        return self.assigned(rng, dataclasses.replace(dealt, session=number))

    def assigned(self, rng: np.random.Generator, arrivals: Arrivals) -> Arrivals:
        """Return *arrivals* with a job each; ``session`` numbers what is asked."""
        job = rng.choice(len(self.jobs), len(arrivals), p=self.weights)
        job = job[arrivals.session - arrivals.session.min()] if len(arrivals) else job
        turn = np.array([j.turns for j in self.jobs])[job] // 2 + 1
        if self.ways.pacing == "workers":  # the answers' length is what paces them
            return dataclasses.replace(arrivals, part=job, turn=turn)
        median = np.array([j.output[0] for j in self.jobs])[job]
        sigma = np.array([j.output[1] for j in self.jobs])[job]
        most = np.array([j.max_tokens or 8000 for j in self.jobs])[job]
        tokens = np.clip(median * np.exp(sigma * rng.normal(0, 1, len(job))), 1, most)
        lasts = 300 + tokens * 14 * rng.lognormal(0, 0.15, len(job))
        return dataclasses.replace(
            arrivals, part=job, turn=turn, output_tokens=tokens.astype(np.int64),
            duration_ms=lasts.astype(np.int64),
        )  # fmt: skip

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the texts and every other column."""
        honest = arrivals.part >= HONEST
        table = self.parted(arrivals, rng, honest, self.honest_rows, self.rows)
        return replaced(
            table,
            self.outfit.columns(arrivals) | {"path": pa.repeat(self.drawn["path"], len(table))},
        )

    def parted(
        self,
        arrivals: Arrivals,
        rng: np.random.Generator,
        which: npt.NDArray[np.bool_],
        first: Writer,
        second: Writer,
    ) -> pa.Table:
        """Let *first* write the rows at *which* and *second* the others."""
        tables = [
            (rows, write(arrivals.take(rows), rng))
            for rows, write in ((np.flatnonzero(which), first), (np.flatnonzero(~which), second))
            if len(rows)
        ]
        if len(tables) == 1:
            return tables[0][1]
        columns = {
            name: place([(rows, table[name].combine_chunks()) for rows, table in tables])
            for name in SCHEMA.names
        }
        return pa.table(columns, schema=SCHEMA)

    def honest_rows(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the cover."""
        person = dataclasses.replace(
            arrivals, account=arrivals.part - HONEST, part=np.zeros_like(arrivals.part)
        )
        return self.cover.exchanges(person, rng)

    def rows(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the harvest."""
        said = self.said(arrivals, rng)
        return written(arrivals, rng, said, self.columns(arrivals, rng))

    def said(self, arrivals: Arrivals, rng: np.random.Generator) -> Said:
        """Return the texts of the harvest: each job in its template."""
        chance = rng.integers(0, 1 << 40, len(arrivals))
        prompts, systems = [], []
        for number, job in enumerate(self.jobs):
            rows = np.flatnonzero(arrivals.part == number)
            if not len(rows):
                continue
            filled = self.filled(arrivals.session[rows], job)
            prompts.append((rows, job.prompt(chance[rows], filled)))
            systems.append((rows, job.above(chance[rows])))
        most = np.array([j.max_tokens for j in self.jobs])[arrivals.part]
        return spoken(rng, place(prompts), place(systems), most, arrivals, brief=self.brief)

    def filled(self, number: IntArray, job: Template) -> dict[str, pa.Array]:
        """Return what is put into the places of *job* for the questions *number*."""
        wanted = {p for p in (*job.text, *job.system) if isinstance(p, str)}
        sources = {
            "item": lambda: self.corpus.questions(number, job.language),
            "other": lambda: self.corpus.questions(number + NEIGHBOUR, job.language),
            "code": lambda: self.code.questions(number),
            "answer": lambda: self.corpus.answers(number, job.language),
        }
        return {name: sources[name]() for name in wanted}

    def columns(self, arrivals: Arrivals, rng: np.random.Generator) -> dict[str, Any]:
        """Return the columns of the harvest that are not usual."""
        n, job = len(arrivals), arrivals.part
        tools = np.array([j.tools for j in self.jobs])[job]
        thinking = self.drawn["thinking"]
        found: dict[str, Any] = {
            "temperature": self.drawn["temperature"],
            "model": self.models(arrivals, rng),
            "tools": tools,
            "reasoning_tokens": (thinking * arrivals.output_tokens * rng.random(n)).astype(
                np.int64
            ),
        }
        return found | self.disguise(arrivals, rng)

    def disguise(self, arrivals: Arrivals, rng: np.random.Generator) -> dict[str, Any]:
        """Return what makes requests look like those of a person's client, where that is wanted.

        Without it a mixed account would have two kinds of requests, told apart at a glance.
        """
        if not (self.ways.mimic or self.ways.cover):
            return {}
        n = len(arrivals)
        first = rng.lognormal(np.log(FIRST_MS), 0.4, n).clip(80, arrivals.duration_ms)
        number = (mix(arrivals.session * 7 + arrivals.account) & 0x7FFF_FFFF_FFFF_FFFF) >> 3
        return {
            "session_id": hexes(number, "s-{:015x}"),
            "stream": rng.random(n) < STREAMED,
            "ttft_ms": first.astype(np.int64),
        }

    def models(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Array:
        """Return the model of each request."""
        drawn = rng.choice(len(moments.MODELS), len(arrivals), p=BEST)
        return pa.array(moments.MODELS).take(pa.array(drawn))

    def _median(self) -> float:
        medians: npt.NDArray[np.float64] = np.array([j.output[0] for j in self.jobs])
        return float(medians @ self.weights)


def spoken(
    rng: np.random.Generator,
    prompt: pa.Array,
    system: pa.Array,
    max_tokens: IntArray,
    arrivals: Arrivals,
    *,
    brief: bool,
) -> Said:
    """Return *prompt* and *system* with what else is told of a request's texts."""
    per_token = grammar("attack_items").characters_per_token
    lengths = [pc.fill_null(pc.utf8_length(t), 0).to_numpy() for t in (prompt, system)]
    sentences = np.minimum(1 + arrivals.output_tokens // 60, 3)
    return Said(
        system=system,
        prompt=prompt,
        output=None if brief else grammar("attack_items").texts(rng, sentences, "answer"),
        input_tokens=(OVERHEAD + sum(lengths) / per_token).astype(np.int64),
        max_tokens=max_tokens,
    )

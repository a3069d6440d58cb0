"""Batch pipelines: a few templates each, filled all day or all night, and most of the tokens.

They are honest, and they are why volume and regularity alone accuse the wrong people.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.lab import clients, places
from stillhunt.lab.arrivals import (
    DAY_US,
    SATURDAY,
    Arrivals,
    FloatArray,
    gamma_shape,
    hour_of_day,
    renewals,
)
from stillhunt.lab.clients import SDKS
from stillhunt.lab.grammar import grammar, phrases
from stillhunt.lab.identity import BUSINESS, records
from stillhunt.lab.native import exchanges, hexes, mix
from stillhunt.lab.shapes import hours, measured

__all__ = ["Pipelines"]

# Volumes: log-normal. ServeGen's clients spread more (``shapes.toml``), but they are a
# provider's largest; a smaller spread keeps a small population from being one pipeline.
VOLUME_SIGMA = 1.3
MOST = 40_000  # requests a day of one pipeline
# Unevenness of gaps: ServeGen's clients, within 10 minutes. Cron loops are steadier.
CV_MEDIAN, CV_SIGMA = measured("clients", "gap_cv_median"), measured("clients", "gap_cv_sigma")
CV_LEAST, CV_MOST = 0.04, 8.0
LOOPS = 0.15  # share of pipelines that are a plain loop with a fixed wait; guess
LOOP_CV = 0.06
# When: round the clock with a mild swell, at night in one go, or in the hours of an office.
ALWAYS, NIGHTLY, OFFICE, FLAT = range(4)  # flat: round the clock without a swell, as loops do
SHARES = (0.5, 0.25, 0.25)
SWELL = hours("clients")
DESKS = np.array([0] * 7 + [3, 8, 10, 11, 10, 7, 9, 11, 11, 9, 5, 2] + [0] * 5, dtype=float)
GROWING = 14  # days that a growth goes on: for half a year it would fill the earth
RAMP_SIGMA = 0.35  # growth of the rate over a week, log-normal: some customers double
ANSWER_SIGMA = measured("clients", "answer_sigma")
STEPS = 3  # most templates of one pipeline, for the steps of its work; half have one
SYSTEM = 0.6  # share of pipelines with a system prompt; guess
# Half of them attach a page or a picture: tokens of the request that are no text. Guess; with it
# pipelines have the majority of all tokens, as batch customers do.
ATTACHING, PAGE_MEDIAN, PAGE_SIGMA = 0.5, 2500.0, 0.5
CACHEABLE = 64  # tokens; shorter leads are not cached
TOKEN_MS = 11.0
JITTER_S = 0.03  # mean delay of the network: without it bursts would share a microsecond
PATHS = ("/v1/chat/completions", "/v1/messages")


@dataclass(frozen=True, kw_only=True)
class Pipelines:
    """Programs that send fillings of one to three templates of their own."""

    name: str = "pipelines"
    count: int
    seed: int
    per_day: float = 300.0
    """Mean requests of a pipeline on a working day."""
    brief: bool = False
    """Short documents and no answers: for sizes that would fill a disk."""

    kind = "pipeline"
    campaign = None

    @cached_property
    def _traits(self) -> dict[str, Any]:
        rng = np.random.default_rng([self.seed, 21])
        cv = np.where(
            rng.random(self.count) < LOOPS,
            LOOP_CV,
            rng.lognormal(np.log(CV_MEDIAN), CV_SIGMA, self.count).clip(CV_LEAST, CV_MOST),
        )
        volume = rng.lognormal(0, VOLUME_SIGMA, self.count)
        return {
            "volume": volume * (self.per_day / volume.mean()),
            "shape": gamma_shape(cv),
            "schedule": np.where(
                cv == LOOP_CV, FLAT, rng.choice((ALWAYS, NIGHTLY, OFFICE), self.count, p=SHARES)
            ),
            "night": rng.integers(0, 7, self.count),  # hour at which the nightly run begins
            "hours": rng.uniform(0.3, 4, self.count),  # how long it takes
            "zone": rng.choice([-8, -5, 0, 1, 5, 8], self.count),
            "ramp": rng.normal(0, RAMP_SIGMA, self.count),
            "weekend": rng.choice([1.0, 1.0, 0.2], self.count),
            "page": PAGE_MEDIAN
            * (mix(np.arange(self.count) + self.seed) & 0xFF < 256 * ATTACHING),
            "steps": rng.choice([1, 1, 2, STEPS], self.count),
            "workers": rng.choice([1, 1, 1, 2, 4], self.count),
            "agent": np.array(SDKS)[rng.integers(0, len(SDKS), self.count)],
            "path": rng.integers(0, len(PATHS), self.count),
        }

    @cached_property
    def _jobs(self) -> dict[str, Any]:
        """Return what each pipeline does: arrays with one entry per pipeline."""
        rng = np.random.default_rng([self.seed, 22])
        file = phrases("jobs")
        columns: dict[str, list[Any]] = {name: [] for name in _JOB}
        for number in range(self.count):
            job = file["job"][rng.integers(len(file["job"]))]
            words = {name: _one(rng, file[name]) for name in _WORDING}
            words["company"] += f" {number % 97 + 2}" if number >= len(file["company"]) else ""
            for _ in range(STEPS):
                words["style"] = _one(rng, file["style"])
                for name in _STEP:
                    columns[name].append(_one(rng, job[name]).format(**words))
            columns["least"].append(job["sentences"][0])
            columns["most"].append(job["sentences"][1])
            columns["tokens"].append(job["output_tokens"])
            columns["maximum"].append(job["max_tokens"])
            columns["labels"].append("labels" in job)
            system = f"You work for {words['company']}. {words['style']}"
            columns["system"].append(system if rng.random() < SYSTEM else None)
        return {name: pa.array(values) for name, values in columns.items()}

    def records(self, ids: list[str], start_s: int) -> list[dict[str, Any]]:
        """Return the directory records of the pipelines' owners."""
        return records(
            BUSINESS, ids, self.countries(), seed=self.seed, name=self.name, start_s=start_s
        )

    def countries(self) -> list[str]:
        """Return the country of each pipeline's owner."""
        names = {-8: "US", -5: "US", 0: "GB", 1: "DE", 5: "IN", 8: "SG"}
        return [names[z] for z in self._traits["zone"].tolist()]

    def arrivals(self, day: int, start_us: int, weekday: int) -> Arrivals:
        """Return the requests of *day*."""
        rng = np.random.default_rng([self.seed, 23, day + 1])
        t = self._traits
        rate = (
            t["volume"]
            * np.exp(t["ramp"] * min(day, GROWING) / 7)
            * (t["weekend"] if weekday >= SATURDAY else 1)
        )
        rate = np.where((t["schedule"] == OFFICE) & (weekday >= SATURDAY), 0, rate)
        counts = rng.poisson(np.minimum(rate, MOST))
        who = np.repeat(np.arange(self.count), counts)
        spread = renewals(rng, counts, t["shape"])
        hour = np.select(
            [
                t["schedule"][who] == ALWAYS,
                t["schedule"][who] == NIGHTLY,
                t["schedule"][who] == FLAT,
            ],
            [hour_of_day(SWELL, spread), t["night"][who] + t["hours"][who] * spread, 24 * spread],
            hour_of_day(DESKS, spread),
        )
        seconds = ((hour - t["zone"][who]) % 24) * 3600 + rng.exponential(JITTER_S, len(who))
        tokens = _numbers(self._jobs["tokens"])[who] * rng.lognormal(0, ANSWER_SIGMA, len(who))
        tokens = np.clip(tokens, 1, _numbers(self._jobs["maximum"])[who])
        lasts = 240 + tokens * TOKEN_MS * rng.lognormal(0, 0.15, len(who))
        return Arrivals(
            ts_us=start_us + day * DAY_US + (seconds * 1e6).astype(np.int64),
            account=who,
            session=rng.integers(0, 1 << 62, len(who)),
            turn=np.ones(len(who), dtype=np.int64),
            part=np.zeros(len(who), dtype=np.int64),
            output_tokens=tokens.astype(np.int64),
            duration_ms=lasts.astype(np.int64),
        )

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the prompts and every other column."""
        n, who = len(arrivals), arrivals.account
        step = who * STEPS + mix(arrivals.session ^ 1) % self._traits["steps"][who]
        jobs = {
            name: values.take(pa.array(step if name in _STEP else who))
            for name, values in self._jobs.items()
        }
        prompt, output = self._texts(rng, arrivals, jobs)
        system = jobs["system"]
        characters = pc.add(
            pc.utf8_length(prompt), pc.coalesce(pc.utf8_length(system.cast("string")), 0)
        )
        pages = self._traits["page"][who] * rng.lognormal(0, PAGE_SIGMA, n)
        inputs = 6 + pages + _numbers(characters) / grammar("en").characters_per_token
        prefix = pc.utf8_length(jobs["lead"]).to_numpy() / grammar("en").characters_per_token
        maximum = _numbers(jobs["maximum"])
        cut = arrivals.output_tokens >= maximum
        columns: dict[str, Any] = {
            **places.clouds(
                self.seed, self.name, who, mix(arrivals.session) % self._traits["workers"][who]
            ),
            **clients.columns(self._traits["agent"][who], who),
            "path": pa.array(PATHS).take(pa.array(self._traits["path"][who])),
            "model": pa.array(["m-1-mini", "m-1-mini", "m-1", "m-2"]).take(
                pa.array(mix(who + self.seed) & 3)
            ),
            "stream": False,
            "input_tokens": inputs.astype(np.int64),
            "cached_tokens": np.where(prefix > CACHEABLE, prefix, 0).astype(np.int64),
            "max_tokens": maximum.astype(np.int64),
            "temperature": 0.0,
            "turns": np.where(pc.is_valid(system).to_numpy(zero_copy_only=False), 2, 1),
            "tools": 0,
            "ttft_ms": None,
            "finish_reason": pc.if_else(pa.array(cut), "length", "stop"),
            "system_prompt": system,
            "prompt": prompt,
            "output": output,
        }
        status = rng.choice([200, 429, 500], n, p=[0.991, 0.006, 0.003])
        return exchanges(arrivals, columns, status)

    def _texts(
        self, rng: np.random.Generator, arrivals: Arrivals, jobs: dict[str, Any]
    ) -> tuple[pa.Array, pa.Array | None]:
        words, n = grammar("en"), len(arrivals)
        least = _numbers(jobs["least"]).astype(np.int64)
        most = _numbers(jobs["most"]).astype(np.int64)
        if self.brief:
            least, most = np.minimum(least, 1), np.minimum(most, 3)
        documents = words.texts(rng, rng.integers(least, most + 1), "state")
        field = hexes(rng.integers(10_000, 9_999_999, n), "{}")
        prompt = pc.binary_join_element_wise(
            jobs["lead"], documents, jobs["middle"], field, jobs["tail"], ""
        )
        if self.brief:
            return prompt, None
        labels = pa.array(sorted({x for j in phrases("jobs")["job"] for x in j.get("labels", ())}))
        answers = words.texts(rng, np.minimum(1 + arrivals.output_tokens // 60, 3), "state")
        label = labels.take(pa.array(rng.integers(0, len(labels), n)))
        return prompt, pc.if_else(jobs["labels"], label, answers)


_STEP = ("lead", "middle", "tail")
_WORDING = ("company", "style", "key")
_JOB = (*_STEP, "least", "most", "tokens", "maximum", "labels", "system")


def _numbers(array: pa.Array) -> FloatArray:
    values: FloatArray = array.to_numpy(zero_copy_only=False).astype(float)
    return values


def _one(rng: np.random.Generator, choices: list[str]) -> str:
    return choices[rng.integers(len(choices))]

"""The accounts of one actor: who belongs together, where each lives, what each uses.

Actors of ``lab/honest`` are made of a cast, ``pacing``, ``forms`` and ``places``.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.lab import clients, identity, moments
from stillhunt.lab.arrivals import Arrivals, FloatArray
from stillhunt.lab.clients import SDKS
from stillhunt.lab.forms import Forms, Said
from stillhunt.lab.grammar import IntArray
from stillhunt.lab.homelands import Homeland, settle
from stillhunt.lab.native import exchanges, mix, salt

__all__ = ["DESKS", "Cast", "answered", "assemble", "follows", "written"]

DESKS = np.array([0] * 7 + [3, 8, 10, 11, 10, 7, 9, 11, 11, 9, 5, 2] + [0] * 5, dtype=float)
"""Hours of an office, from 7 to 19, with a lunch break."""
PATHS = ("/v1/chat/completions", "/v1/messages", "/v1/responses")
FAILED = (0.005, 0.003)  # shares of requests that end with 429 and 500
CACHED = 0.9  # share of a conversation that comes from the cache at its next turn


@dataclass(frozen=True)
class Cast:
    """The accounts of one actor; arrays have one entry for each account."""

    seed: int
    name: str
    group: IntArray
    """Number of the group that the account belongs to."""
    home: Homeland
    client: IntArray
    """Index into ``clients.CLIENTS``."""
    activity: FloatArray
    """Relative to the mean of the actor."""
    release: int | None

    def records(
        self,
        kind: identity.Identity,
        ids: Sequence[str],
        start_s: int,
        *,
        orgs: Sequence[str | None] | None = None,
    ) -> list[dict[str, Any]]:
        """Return directory records after *kind*, shared within the groups."""
        return identity.records(
            kind, ids, self.home.codes, seed=self.seed, name=self.name, start_s=start_s,
            groups=self.group, orgs=orgs,
        )  # fmt: skip

    def draw(self, what: str, size: int, of: IntArray | None = None) -> IntArray:
        """Return a number below *size* for each account, or for each of *of*; for good."""
        who = np.arange(len(self.group)) if of is None else of
        return (mix(who + salt(self.seed, f"{self.name} {what}")) & 0x7FFF_FFFF) % size

    def columns(self, arrivals: Arrivals) -> dict[str, Any]:
        """Return the columns that come with the account: software, path and model."""
        who = arrivals.account
        model = moments.models(self.seed, self.name, who, arrivals.ts_us, self.release)
        names = pa.array((*moments.MODELS, moments.NEWEST))
        return {
            **clients.columns(self.client[who], who),
            "path": pa.array(PATHS).take(pa.array(self.draw("path", len(PATHS))[who])),
            "model": names.take(pa.array(model)),
        }


def assemble(
    seed: int,
    name: str,
    count: int,
    *,
    sizes: tuple[int, int] = (1, 2),
    software: Sequence[int] = SDKS,
    sigma: float = 0.9,
    shared: bool = False,
    release: int | None = None,
) -> Cast:
    """Draw a cast of *count* accounts.

    Args:
        seed: Of the population.
        name: Of the actor.
        count: Accounts.
        sizes: Accounts of one group, at least and below.
        software: What they use, indices into ``clients.CLIENTS``.
        sigma: Log-normal spread of their activity.
        shared: Whether a group has one kind of software for all.
        release: When the newest model comes out [us since epoch].
    """
    rng = np.random.default_rng([seed, abs(int(salt(0, name)))])
    drawn = rng.integers(*sizes, max(1, count))
    group = np.repeat(np.arange(len(drawn)), drawn)[:count]
    homes = settle(rng, int(group.max(initial=0)) + 1)
    choices = rng.integers(0, len(software), count)
    activity = rng.lognormal(-(sigma**2) / 2, sigma, count)
    return Cast(
        seed=seed, name=name, group=group, home=homes.of(group),
        client=np.array(software)[choices[group] if shared else choices],
        activity=activity, release=release,
    )  # fmt: skip


def answered(
    rng: np.random.Generator, arrivals: Arrivals, forms: Forms, form: IntArray
) -> Arrivals:
    """Return *arrivals* that ask for *form* (kept as ``part``), with answers of its length."""
    tokens, lasts = forms.answers(rng, form)
    return dataclasses.replace(
        arrivals, part=form.astype(np.int64), output_tokens=tokens, duration_ms=lasts
    )


def follows(rng: np.random.Generator, arrivals: Arrivals, share: float) -> npt.NDArray[np.bool_]:
    """Return which requests only ask on: a *share* of the later turns; guess of each actor."""
    asks_on: npt.NDArray[np.bool_] = (arrivals.turn > 1) & (rng.random(len(arrivals)) < share)
    return asks_on


def written(
    arrivals: Arrivals, rng: np.random.Generator, said: Said, columns: dict[str, Any]
) -> pa.Table:
    """Return native rows of *arrivals* that say *said*; *columns* go before what is usual.

    Later turns carry their history: about the answers so far and as much again.
    """
    n = len(arrivals)
    history = ((arrivals.turn - 1) * 260 * rng.lognormal(0, 0.3, n)).astype(np.int64)
    maximum = said.max_tokens
    cut = (maximum > 0) & (arrivals.output_tokens >= maximum)
    told: dict[str, Any] = {
        "stream": False,
        "input_tokens": said.input_tokens + history,
        "cached_tokens": (history * CACHED).astype(np.int64),
        "output_tokens": np.where(cut, maximum, arrivals.output_tokens),
        "max_tokens": pa.array(maximum, mask=maximum == 0),
        "turns": 2 * arrivals.turn - 1 + pc.is_valid(said.system).to_numpy(zero_copy_only=False),
        "tools": 0,
        "finish_reason": pc.if_else(pa.array(cut), "length", "stop"),
        "system_prompt": said.system,
        "prompt": said.prompt,
        "output": said.output,
    }
    status = rng.choice([200, 429, 500], n, p=[1 - sum(FAILED), *FAILED])
    return exchanges(arrivals, told | columns, status)

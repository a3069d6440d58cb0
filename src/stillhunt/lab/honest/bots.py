"""Programs that never sleep: timers with even gaps, reviews of each push, chat rooms."""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stillhunt.lab import places
from stillhunt.lab.arrivals import SATURDAY, Arrivals
from stillhunt.lab.cast import DESKS, Cast, answered, assemble, written
from stillhunt.lab.clients import SDKS, TOOLS
from stillhunt.lab.forms import forms
from stillhunt.lab.identity import BUSINESS, PERSON
from stillhunt.lab.moments import release_us
from stillhunt.lab.pacing import RHYTHM, Answers, loops, scattered

__all__ = ["Bots"]

HOBBY = dataclasses.replace(PERSON, uses=("coding", "personal", "automation"))
SOFTWARE = (*SDKS, *TOOLS)
PRIVATE = 0.5
WORK, CHAT = (0, 1), 3  # forms that come with a push or a failed build, and with a chat room
EVEN_CV = 0.03  # a timer and the jitter of a network
PACE = Answers(median=50, sigma=0.7)


@dataclass(frozen=True, kw_only=True)
class Bots:
    """Bots, one account each."""

    name: str = "bots"
    count: int
    seed: int
    days: int = 1
    start_us: int = 0
    per_day: float = 55.0
    brief: bool = False

    title = "Bots and build servers"
    kind = "bot"
    campaign = None

    @cached_property
    def _cast(self) -> Cast:
        return assemble(
            self.seed,
            self.name,
            self.count,
            sigma=1.0,
            software=SOFTWARE,
            release=release_us(self.start_us, self.days),
        )

    def countries(self) -> list[str]:
        """Return the country of each account."""
        return self._cast.home.codes

    def records(self, ids: list[str], start_s: int) -> list[dict[str, Any]]:
        """Return the directory records."""
        private = np.random.default_rng([self.seed, 212]).random(self.count) < PRIVATE
        people = self._cast.records(HOBBY, ids, start_s)
        firms = self._cast.records(BUSINESS, ids, start_s)
        return [p if one else f for p, f, one in zip(people, firms, private.tolist(), strict=True)]

    def arrivals(self, day: int, start_us: int, weekday: int) -> Arrivals:
        """Return the requests of *day*."""
        rng = np.random.default_rng([self.seed, 211, day + 1])
        cast = self._cast
        more: dict[str, Any] = {"day": day, "start_us": start_us, "answers": PACE}
        form = forms("bots").pick(np.arange(self.count), cast.home.language)
        rate = self.per_day * cast.activity
        work = np.isin(form, WORK)
        quiet = np.where(weekday >= SATURDAY, 0.3, 1.2)
        pushed = scattered(rng, rate * work * quiet, rhythm=DESKS + 1, zone=cast.home.zone, **more)
        chat = scattered(rng, rate * (form == CHAT), rhythm=RHYTHM, zone=cast.home.zone, **more)
        even = loops(rng, (rate * ~(work | (form == CHAT))).astype(np.int64), cv=EVEN_CV, **more)
        asked = pushed.join(chat).join(even)
        return answered(rng, asked, forms("bots"), form[asked.account])

    def exchanges(self, arrivals: Arrivals, rng: np.random.Generator) -> pa.Table:
        """Write out the texts and every other column."""
        who, cast = arrivals.account, self._cast
        said = forms("bots").write(
            rng,
            arrivals.part,
            who,
            cast.home.language[who],
            output_tokens=None if self.brief else arrivals.output_tokens,
        )
        columns = {
            **places.clouds(self.seed, self.name, who, np.zeros_like(who)),
            **cast.columns(arrivals),
        }
        return written(arrivals, rng, said, columns)

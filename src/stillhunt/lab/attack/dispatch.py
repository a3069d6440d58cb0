"""One dispatcher over many accounts: it spreads the campaign's requests, not each account's."""

from dataclasses import dataclass

import numpy as np

from stillhunt.lab import pacing
from stillhunt.lab.arrivals import Arrivals
from stillhunt.lab.evasion import Pacing
from stillhunt.lab.pacing import Answers

__all__ = ["Dispatcher"]

FARM_CV = 0.05  # a loop with a fixed wait
DAY_S = 86_400
TURNS = 0.5  # share of dispatchers that use their accounts in turn


@dataclass(frozen=True, kw_only=True)
class Dispatcher:
    """How one campaign deals its requests out."""

    pacing: Pacing
    robin: bool
    """Whether accounts take turns; else any of them each time."""
    zone: int
    """Hours from UTC of whoever supervises it, for a rhythm of days and nights."""
    busy: float
    """Share of their time that serial workers wait for answers."""
    stay: int
    """Requests that a worker sends through one account before it moves on."""

    @classmethod
    def drawn(cls, rng: np.random.Generator, how: Pacing) -> "Dispatcher":
        """Return a dispatcher of the given pacing, the rest by chance."""
        return cls(
            pacing=how,
            robin=bool(rng.random() < TURNS),
            zone=int(rng.choice([8, 8, 8, 3, 1, -5])),
            busy=float(rng.uniform(0.35, 0.85)),
            stay=int(rng.choice([1, 4, 12, 30])),
        )

    def deal(
        self,
        rng: np.random.Generator,
        total: int,
        accounts: int,
        *,
        day: int,
        start_us: int,
        answers: Answers,
    ) -> Arrivals:
        """Return *total* requests of *day*, dealt out to *accounts*; workers may fall short."""
        if not total or not accounts:
            return Arrivals.none()
        if self.pacing == "workers":
            seconds = total * answers.mean_s * pacing.TIGHT
            return pacing.workers(
                rng, total, accounts=accounts, day=day, start_us=start_us, answers=answers,
                number=max(1, int(np.ceil(seconds / DAY_S / self.busy))), stay=self.stay,
            )  # fmt: skip
        swell = np.roll(pacing.RHYTHM, -self.zone)
        return pacing.dispatched(
            rng, total, accounts=accounts, day=day, start_us=start_us, answers=answers,
            cv=FARM_CV if self.pacing == "loop" else 1.0, robin=self.robin,
            rhythm=swell if self.pacing == "daynight" else pacing.EVEN,
        )  # fmt: skip

"""Signature reuse: opaque blocks of reasoning, got by one account, are sent back by others.

A block may only be read by the model that wrote it. So it is handed to the model again, by any
account, with the wish to unpack, translate or go on from it; its signature gives that away.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stillhunt.lab.arrivals import Arrivals
from stillhunt.lab.attack.operation import Operation
from stillhunt.lab.native import hexes, mix

__all__ = ["Signatures"]

BACK = (0.35, 0.65)  # share of the requests that send a block back
APART = 3  # questions in a row for each use of a block: about as many send none
GOES_ON = (
    "resume",
    "memory",
)  # frames that need a block; of three templates one does, one does not
USES = (2, 9)  # how often a block is sent back: at least, below


@dataclass(frozen=True, kw_only=True)
class Signatures(Operation):
    """Blocks travel between the accounts."""

    per_day: float = 20.0

    title = "Reuse of reasoning signatures"
    kind = "signatures"
    families = ("resume", "memory", "solve", "code")
    templates = (3, 6)

    @cached_property
    def _back(self) -> tuple[float, int]:
        rng = self.rng(71)
        return float(rng.uniform(*BACK)), int(rng.integers(*USES))

    def assigned(self, rng: np.random.Generator, arrivals: Arrivals) -> Arrivals:
        """Return *arrivals* with a job each; the second turn sends a block back."""
        share, _ = self._back
        found = super().assigned(rng, arrivals)
        back = rng.random(len(found)) < share
        goes_on = np.array([job.family in GOES_ON for job in self.jobs])
        job = np.where(
            back,
            rng.choice(np.flatnonzero(goes_on), len(found)),
            rng.choice(np.flatnonzero(~goes_on), len(found)),
        )
        return replace(found, part=job, turn=np.where(back, 2, 1))

    def columns(self, arrivals: Arrivals, rng: np.random.Generator) -> dict[str, Any]:
        """Return the columns of the harvest that are not usual."""
        _, uses = self._back
        back = arrivals.turn > 1
        block = mix(arrivals.session // (APART * uses) + self.salted)
        return super().columns(arrivals, rng) | {
            "reasoning_signature_hash": pa.compute.if_else(pa.array(back), hexes(block), None),
            "reasoning_tokens": arrivals.output_tokens * 2 // 5,
        }

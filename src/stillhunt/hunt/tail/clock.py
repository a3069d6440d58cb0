"""The log's own time, and which lines may move it.

Whoever can write one line with a time of tomorrow must not make everything behind it "too late",
nor push a day's sums out of their windows. So a line that is more than the lateness ahead of the
clock is put to the vote: if most of the lines behind it are ahead, too, as after a quiet night,
the clock follows them; if most are not, the line is left out. A vote wants ``FEW`` lines; until
they have come the line is held. Where most lines that come are more than the lateness behind, it
was the clock that was wrong, and it is set back.

Up to ``VOTERS`` lines have a vote: who writes more than half of as many lines in a row moves the
clock, and it stays wrong until the next piece of the log has been voted on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stillhunt.hunt.tail.keys import Ints

__all__ = ["FEW", "VOTERS", "LogClock", "Read"]

FEW = 3
"""Lines that can decide. Fewer would let one line decide for itself."""
VOTERS = 256
BACK = 8
"""The clock is set back when so many lines more have come that are behind than others. A few
lines that were delayed on their way shall not do it."""

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Read:
    """What became of some lines; each is counted, held, or left out."""

    counted: Flags
    held: Flags
    is_set_back: bool
    """Whether the clock was set back before the first of them."""


@dataclass
class LogClock:
    """The newest moment of the log that can be believed."""

    lateness_us: int
    now_us: int = 0
    """[us since epoch]; 0 before the first line."""
    _near: int = 0
    """Lines that have come since the first one that is held, and were not ahead."""
    _behind: int = 0
    """How many more lines were behind than not, of late."""

    def read(self, times: Ints, held: int = 0) -> Read:
        """Move on by lines in the order of the log.

        Args:
            times: Shape (n,) [us].
            held: How many of them, at their start, were held before.
        """
        is_set_back = self._is_set_back(times[held:])
        if not self.now_us:
            self.now_us = _middle(times)
        counted = np.ones(len(times), np.bool_)
        waits = np.zeros(len(times), np.bool_)
        highest = np.maximum.accumulate(np.concatenate(([self.now_us], times)))
        if (times > highest[:-1] + self.lateness_us).any():
            self._read_one_by_one(times, held, counted, waits)
        else:
            self.now_us = int(highest[-1])
        self._near = self._seen_near(counted, waits, held)
        return Read(counted, waits, is_set_back)

    def _read_one_by_one(self, times: Ints, held: int, counted: Flags, waits: Flags) -> None:
        """Set *counted* and *waits*; a vote that was lost stands for the lines just behind."""
        lost_until = 0
        for place, moment in enumerate(times.tolist()):
            if moment > self.now_us + self.lateness_us:
                voters = times[place : place + VOTERS]
                near = self._near if place < held else 0
                answer = self._vote(voters, near) if place >= lost_until else False
                counted[place], waits[place] = answer is True, answer is None
                if answer is not True:
                    if place >= lost_until and len(voters) == VOTERS:
                        lost_until = place + VOTERS // 4
                    continue
            self.now_us = max(self.now_us, moment)

    def settle(self, times: Ints) -> Flags:
        """Say which of the lines that are held count now that no other will come."""
        counted = np.full(len(times), len(times) > self._near)
        self.now_us = max(self.now_us, int(times[counted].max(initial=0)))
        self._near = 0
        return counted

    def _vote(self, times: Ints, near: int) -> bool | None:
        """Say whether the first of *times*, which is ahead, counts; None is not decided yet."""
        while times[0] > self.now_us + self.lateness_us:
            ahead = times[times > self.now_us + self.lateness_us]
            others = near + len(times) - len(ahead)
            if len(ahead) >= FEW and len(ahead) > others:
                self.now_us = _middle(ahead)  # further on than any lateness: this ends
            else:
                return False if others >= FEW else None
        return True

    def _is_set_back(self, times: Ints) -> bool:
        behind = times[times < self.now_us - self.lateness_us]
        self._behind = max(0, self._behind + 2 * len(behind) - len(times))
        if self._behind < BACK:
            return False
        self.now_us, self._behind = _middle(behind), 0
        return True

    def _seen_near(self, counted: Flags, waits: Flags, held: int) -> int:
        if not waits.any():
            return 0
        first = int(np.argmax(waits))
        return (self._near if first < held else 0) + int(counted[max(first, held) :].sum())

    def told(self) -> dict[str, Any]:
        """Return the state for the checkpoint."""
        return {"now_us": self.now_us, "near": self._near, "behind": self._behind}

    def restore(self, told: Mapping[str, Any]) -> None:
        """Take the state back that ``told`` gave."""
        self.now_us, self._near, self._behind = told["now_us"], told["near"], told["behind"]


def _middle(times: Ints) -> int:
    """Return the middle one of the first three, so that one wrong among them does no harm."""
    few = np.sort(times[:FEW])
    return int(few[(len(few) - 1) // 2])

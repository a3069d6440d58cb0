"""What stands above its bound now, and what was said of it.

An episode ends after 24 h below the bound, here as in a sweep; whatever exceeds the bound again
within that time belongs to it and has its id. So a finding is said once, and once more only
where it becomes graver.

After a kill the lines behind the checkpoint are read again, in other batches than before. A line
that came late can then let the episode begin earlier, and before midnight that would be another
id. So an episode that was told already keeps the beginning with which it was told.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from stillhunt.hunt.episodes import QUIET_US
from stillhunt.model.finding import Value

__all__ = ["MOST", "Episode", "Episodes", "Told", "who"]

MOST = 50_000
"""Episodes of one rule that are remembered, about 25 MB; an attacker needs a hundred requests
for each. Beyond it the longest quiet ones are forgotten, and could be said again: with the
same id."""


@dataclass(frozen=True)
class Told:
    """From when to when an episode lasted as it was told last [us]."""

    began_us: int
    last_us: int


def who(detector: str, subject: Iterable[Value]) -> str:
    """Return a short name for a rule and its subject, which may be as long as a client likes."""
    text = json.dumps([detector, *subject])
    return hashlib.blake2b(text.encode("ascii"), digest_size=16).hexdigest()


@dataclass
class Episode:
    """One subject above the bound of one rule."""

    subject: tuple[Value, ...]
    began_us: int
    last_us: int
    """Last moment at which it was known to be above [us]."""
    severity: int = 0
    """The gravest that was said; 0 is none."""
    peak: int = 0
    """The largest figure, where windows slide."""
    peak_us: int = 0
    is_above: bool = True


@dataclass
class Episodes:
    """The episodes of one rule, by the subject's key."""

    detector: str
    told: Mapping[str, Told] = field(default_factory=dict)
    """What the journal knows and the checkpoint does not, by ``who``."""
    open: dict[int, Episode] = field(default_factory=dict)

    def at(self, key: int, subject: tuple[Value, ...], first_us: int, last_us: int) -> Episode:
        """Return the episode that *subject* is in while above from *first_us* to *last_us*."""
        known = self.open.get(key)
        if known is None or first_us - known.last_us > QUIET_US:
            began_us = self._began_us(subject, first_us, last_us)
            known = self.open[key] = Episode(subject, began_us, last_us)
        known.last_us = max(known.last_us, last_us)
        known.is_above = True
        return known

    def _began_us(self, subject: tuple[Value, ...], first_us: int, last_us: int) -> int:
        told = self.told.get(who(self.detector, subject)) if self.told else None
        if told and first_us - told.last_us <= QUIET_US and told.began_us - last_us <= QUIET_US:
            return told.began_us
        return first_us

    def drop(self, newest_us: int) -> None:
        """Forget what is over, and the oldest where there are too many."""
        if any(newest_us - one.last_us > QUIET_US for one in self.open.values()):
            self.open = {
                key: one for key, one in self.open.items() if newest_us - one.last_us <= QUIET_US
            }
        if len(self.open) > MOST:
            kept = sorted(self.open.items(), key=lambda item: -item[1].last_us)[: MOST // 2]
            self.open = dict(kept)

    def to_json(self) -> list[list[Value | list[Value]]]:
        """Return the episodes for the checkpoint."""
        return [
            [key, list(one.subject), *list(dataclasses.astuple(one))[1:]]
            for key, one in self.open.items()
        ]

    def restore(self, told: Iterable[list[object]]) -> None:
        """Take the episodes back that ``to_json`` gave."""
        for key, subject, *rest in told:
            assert isinstance(key, int)  # noqa: S101 - the checkpoint's digest was checked
            assert isinstance(subject, list)  # noqa: S101
            self.open[key] = Episode(tuple(subject), *rest)  # type: ignore[arg-type]

"""Which logs have stood still for so long that a person should hear of it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from stillhunt.hunt.source import shown

__all__ = ["Silence", "named"]

NAMED = 3


@dataclass(kw_only=True)
class Silence:
    """When each log last grew, by the wall clock: one that grows does not speak for another."""

    after_s: float
    _grown: dict[str, float] = field(default_factory=dict)
    _still: set[str] = field(default_factory=set)

    def look(
        self, logs: Iterable[str], grew: Collection[str], now_s: float
    ) -> tuple[list[str], list[str]]:
        """Return which of *logs* stand still from now on, and which go on.

        Args:
            logs: Those that are followed.
            grew: Those of them that had new lines, or have more than could be read yet.
            now_s: Monotonic time [s].
        """
        stalled, going = [], []
        for log in logs:
            if log in grew:
                self._grown[log] = now_s
                if log in self._still:
                    self._still.remove(log)
                    going.append(log)
            elif (
                now_s - self._grown.setdefault(log, now_s) >= self.after_s
                and log not in self._still
            ):
                self._still.add(log)
                stalled.append(log)
        return stalled, going


def named(logs: Sequence[str]) -> str:
    """Return the first few of *logs*, and how many more there are."""
    names = ", ".join(shown(log) for log in logs[:NAMED])
    more = len(logs) - NAMED
    return f"{names} and {more} more" if more > 0 else names

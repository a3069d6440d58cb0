"""Sentences for whoever runs the tail; none of them is a finding."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from stillhunt.hunt.source import shown
from stillhunt.hunt.tail.engine import Engine

__all__ = ["Said", "Say", "greet", "speak_at_the_end", "speak_of_loss", "unheard"]

WORTH_A_WORD = 0.01  # of a bound


class Say(Protocol):
    """Tells a person something."""

    def __call__(self, text: str, *, is_trouble: bool = False) -> None:
        """Say *text*; trouble is said to those, too, who asked for quiet."""
        ...


def unheard(text: str, *, is_trouble: bool = False) -> None:
    """Say it to nobody."""


@dataclass(kw_only=True)
class Said:
    """Sentences for a person, each kind of them once in a while."""

    say: Say
    every_s: float = 60.0
    _next: dict[str, float] = field(default_factory=dict)
    _last: dict[str, str] = field(default_factory=dict)

    def __call__(self, kind: str, text: str, now_s: float, *, is_trouble: bool = False) -> None:
        """Say *text*, unless something of its *kind* was said within the last minute."""
        if now_s >= self._next.get(kind, 0.0):
            self._next[kind] = now_s + self.every_s
            self._last[kind] = text
            self.say(text, is_trouble=is_trouble)

    def once_more(self, kind: str, text: str) -> None:
        """Say *text*, which is trouble, unless it was the last of its *kind*."""
        if self._last.get(kind) != text:
            self.say(text, is_trouble=True)


def greet(
    said: Said, paths: Iterable[str], reader: str, engine: Engine, *, is_known: bool
) -> None:
    """Say what is followed, what is live, and what is not asked."""
    place = "at the checkpoint" if is_known else "anew"
    followed = ", ".join(shown(path) for path in paths) or "nothing yet"
    said.say(f"following {followed} as {reader}, {place}")
    if engine.has_other_secret:
        said.say(
            "identity.hash_key is not that of the checkpoint, so all is counted anew from here on;"
            " give the same settings, or start in the same folder",
            is_trouble=True,
        )
    if engine.anew:
        said.say(
            f"changed since the checkpoint, so counted anew from here on: {', '.join(engine.anew)}"
        )
    live = [*engine.rules, *(["cadence"] if engine.pace else [])]
    live += ["template_novelty"] if engine.novelty else []
    said.say(f"live: {', '.join(live) or 'nothing'}")
    if engine.unanswered:
        said.say(f"not in this log: {', '.join(engine.unanswered)}")
    if engine.swept_only:
        said.say(f"only for sweeps: {', '.join(engine.swept_only)}")


def speak_of_loss(said: Said, engine: Engine, lateness: str, now_s: float) -> None:
    """Say where a figure may be too small, and which exchanges were left out."""
    for kind, text in _losses(engine, lateness):
        said(kind, text, now_s, is_trouble=True)


def speak_at_the_end(said: Said, engine: Engine, lateness: str) -> None:
    """Say the same for the last time, where the figures grew since."""
    for kind, text in _losses(engine, lateness):
        said.once_more(kind, text)


def _losses(engine: Engine, lateness: str) -> Iterator[tuple[str, str]]:
    for name, loss in engine.losses.items():
        if loss >= WORTH_A_WORD:
            yield (
                f"loss {name}",
                f"{name}: more subjects than memory; found for sure above {1 + loss:.2f} times"
                " the bound (raise tail.events or tail.sums)",
            )
    if engine.late:
        yield (
            "late",
            f"{engine.late:,} exchanges came later than tail.lateness ({lateness}) and are in"
            " no sliding window",
        )
    if engine.ahead:
        yield (
            "ahead",
            f"{engine.ahead:,} exchanges are left out: more than tail.lateness ({lateness})"
            " ahead of most others",
        )

"""Sentences for whoever runs the tail; none of them is a finding."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from stillhunt.hunt.source import shown
from stillhunt.hunt.tail.engine import Engine

__all__ = ["Said", "greet", "speak_of_loss"]

WORTH_A_WORD = 0.01  # of a bound


@dataclass(kw_only=True)
class Said:
    """Sentences for a person, each kind of them once in a while."""

    say: Callable[[str], None]
    every_s: float = 60.0
    _next: dict[str, float] = field(default_factory=dict)

    def __call__(self, kind: str, text: str, now_s: float) -> None:
        """Say *text*, unless something of its *kind* was said within the last minute."""
        if now_s >= self._next.get(kind, 0.0):
            self._next[kind] = now_s + self.every_s
            self.say(text)


def greet(
    said: Said, paths: Iterable[str], reader: str, engine: Engine, *, is_known: bool
) -> None:
    """Say what is followed, what is live, and what is not asked."""
    place = "at the checkpoint" if is_known else "anew"
    followed = ", ".join(shown(path) for path in paths) or "nothing yet"
    said.say(f"following {followed} as {reader}, {place}")
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
    for name, loss in engine.losses.items():
        if loss >= WORTH_A_WORD:
            said(
                f"loss {name}",
                f"{name}: more subjects than memory; found for sure above {1 + loss:.2f} times"
                " the bound (raise tail.events or tail.sums)",
                now_s,
            )
    if engine.late:
        said(
            "late",
            f"{engine.late:,} exchanges came later than tail.lateness ({lateness}) and are in"
            " no sliding window",
            now_s,
        )
    if engine.ahead:
        said(
            "ahead",
            f"{engine.ahead:,} exchanges are left out: more than tail.lateness ({lateness})"
            " ahead of most others",
            now_s,
        )

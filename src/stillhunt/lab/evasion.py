"""How a campaign hides: the knobs that an attacker can turn, and what each costs him.

Cover costs throughput, proxies and cards cost money, aged accounts time, paraphrase a call to a
model for every request. A knob that is not set stays as the campaign has it by itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self, get_args

from stillhunt.model.errors import ConfigError
from stillhunt.settings import near

__all__ = ["Cards", "Evasion", "Pacing"]

Pacing = Literal["poisson", "daynight", "workers", "loop"]
Cards = Literal["one", "few", "each"]
_WORDS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


@dataclass(frozen=True, kw_only=True)
class Evasion:
    """What a campaign does to look like others; None leaves it as it is."""

    cover: float | None = None
    """Share of each account's traffic that is drawn like honest users', in [0, 1]; the total
    stays the same, so the rest of the harvest is given up."""
    proxies: bool | None = None
    """Residential proxies that rotate, instead of machines of a cloud."""
    pacing: Pacing | None = None
    """How the dispatcher spreads its requests."""
    paraphrase: bool | None = None
    """Another wording of the template for every request."""
    cards: Cards | None = None
    """Who shares a payment card: all, a few accounts, nobody."""
    aged: bool | None = None
    """Accounts half a year to three years old, instead of fresh ones in waves."""
    mimic: bool | None = None
    """User agents of browsers and common software; the handshake stays that of the script."""

    def __post_init__(self) -> None:
        """Refuse what means nothing."""
        if self.cover is not None and not 0 <= self.cover <= 1:
            raise ConfigError(f"cover is {self.cover!r}; give a share in [0, 1]")
        for name, known in (("pacing", Pacing), ("cards", Cards)):
            value = getattr(self, name)
            if value is not None and value not in get_args(known):
                raise ConfigError(
                    f"{name} is {value!r}; give {', '.join(get_args(known))}"
                    f"{near(str(value), get_args(known))}"
                )

    def over(self, habit: Self) -> Self:
        """Return these knobs, and those of *habit* where they are not set."""
        mine = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(habit, **{k: v for k, v in mine.items() if v is not None})

    @classmethod
    def told(cls, words: Iterable[str]) -> Self:
        """Return the evasion that ``NAME=VALUE`` words describe.

        Raises:
            ConfigError: A word is no pair, or its name or value means nothing.
        """
        known = {f.name for f in fields(cls)}
        given: dict[str, Any] = {}
        for word in words:
            name, sign, value = word.partition("=")
            if not sign or name not in known:
                raise ConfigError(
                    f"evasion {word!r}; give NAME=VALUE with {', '.join(sorted(known))}"
                    f"{near(name, known)}"
                )
            given[name] = _read(name, value)
        return cls(**given)


def _read(name: str, value: str) -> float | bool | str:
    if name in {"pacing", "cards"}:
        return value
    if name == "cover":
        try:
            return float(value)
        except ValueError as error:
            raise ConfigError(f"cover is {value!r}; give a share in [0, 1]") from error
    if value not in _WORDS:
        raise ConfigError(f"{name} is {value!r}; give yes or no")
    return _WORDS[value]

"""The numbers behind the pictures, asked of the lake once.

Everything here is a plain number, so that the page, the terminal and a notebook draw from
the same figures. What a log does not tell stays None: a log without accounts is told by
addresses, a log without tokens by requests.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = [
    "Burst",
    "Pictures",
    "Point",
    "Rhythm",
    "Scatter",
    "Series",
    "Spend",
    "Traffic",
]


@dataclass(frozen=True, kw_only=True)
class Spend:
    """What one name took."""

    name: str
    requests: int
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    """At list prices [currency]; None where no token count is known."""
    first_us: int
    last_us: int
    others: int | None = None
    """For an account, its addresses; for an address or prefix, its accounts."""
    main: str | None = None
    """For an address or prefix: the account that sent most of its requests."""
    main_requests: int = 0


@dataclass(frozen=True, kw_only=True)
class Series:
    """One band of the traffic picture; the name None is everybody else."""

    name: str | None
    requests: tuple[int, ...]
    output_tokens: tuple[int, ...]
    suspect: bool = False


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Traffic over time in steps of equal length."""

    start_us: int
    step_us: int
    series: tuple[Series, ...]


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """Requests by day and hour of day, UTC."""

    name: str | None
    """None is everybody."""
    kind: str
    first_day_us: int
    days: tuple[tuple[int, ...], ...]
    """One tuple of 24 counts per day."""
    left_out: int = 0
    """Earlier days that are not shown."""


@dataclass(frozen=True, kw_only=True)
class Burst:
    """Requests per minute around the busiest minute of one subject."""

    name: str
    kind: str
    start_us: int
    per_minute: tuple[int, ...]
    bound: float | None
    """The rule's bound [requests per minute]."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One account: how much it asked, and how varied."""

    name: str
    requests: int
    entropy: float
    """Plug-in entropy of its prompt templates [bits]."""
    suspect: bool


@dataclass(frozen=True, kw_only=True)
class Scatter:
    """Entropy against volume."""

    points: tuple[Point, ...]
    sampled: int
    """One in so many exchanges was looked at."""


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Everything that the page and the terminal draw."""

    who: str
    """``account_id``, or ``source_ip`` where the log tells no account."""
    names: int
    """How many different ones there are."""
    requests: int
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    currency: str
    input_price: float
    """The default price [currency per million input tokens]."""
    output_price: float
    """The same for output tokens."""
    assumed: float
    """Share of the cost that rests on the default price, which is an assumption, in [0, 1]."""
    accounts: tuple[Spend, ...] = ()
    addresses: tuple[Spend, ...] = ()
    spends: Mapping[tuple[str, str], Spend] = field(default_factory=dict)
    """(kind, name) of a suspect -> what it took."""
    traffic: Traffic | None = None
    everybody: Rhythm | None = None
    rhythms: tuple[Rhythm, ...] = ()
    bursts: tuple[Burst, ...] = ()
    scatter: Scatter | None = None

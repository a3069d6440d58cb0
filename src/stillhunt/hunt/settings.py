"""The tables of ``stillhunt.toml`` that the hunt reads."""

import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from stillhunt.settings import Table, load

__all__ = [
    "TABLES",
    "Allow",
    "Enrich",
    "HuntSettings",
    "Hunting",
    "Identity",
    "Lake",
    "Mapped",
    "Otel",
    "Price",
    "Prices",
    "Readers",
    "Tail",
    "read_settings",
]


class Hunting(Table):
    """What is hunted beside what ships with Stillhunt."""

    rules: tuple[str, ...] = ()
    """Files of your own rules, or globs of them, from the folder of this file on:
    `["my-rules/*.toml"]`."""


class Identity(Table):
    """How accounts and keys are named."""

    hash_key: str = "file:hash.key"
    """Where the secret of all keyed hashes comes from: `file:PATH` (created with mode 0600 on
    first use) or `env:NAME`. Line ends behind it do not count. Under 16 bytes it can be
    guessed."""


class Enrich(Table):
    """Files that are joined at ingest; absent means not answerable."""

    networks: Path | None = None
    """CSV with the columns cidr, asn, country, kind, or an `.mmdb` file."""
    mail_domains: Path | None = None
    """Disposable mail domains, one a line."""


class Lake(Table):
    """What the lake keeps."""

    text: Literal["none", "preview", "full"] = "none"
    """What the cold lake keeps of prompts and answers."""
    preview_characters: int = Field(default=200, ge=1, le=10_000)
    """Length of a preview [characters]."""
    text_days: int = Field(default=14, ge=0)
    """Older text, by the newest exchange, is removed by `stillhunt lake expire` [days]."""
    hot_days: int = Field(default=400, ge=1)
    """The same for the hot lake [days]."""
    memory_mb: int = Field(default=1_500, ge=256, le=16_000_000)
    """Memory that a sweep's queries may take [MB]."""


class Otel(Table):
    """The reader of OpenTelemetry lines."""

    account: str = "user.id"
    """Attribute that names the account."""


class Mapped(Table):
    """Where a file of your own keeps each column."""

    columns: dict[str, str] = Field(default_factory=dict)
    """Column -> path in a record: `usage.output`, `choices[0].finish`, or `=constant`."""
    units: dict[str, str] = Field(default_factory=dict)
    """Unit of a time column where it is not that of the exchange: `s`, `ms`, `us`, `ns`."""


class Readers(Table):
    """Settings of single readers."""

    otel: Otel = Otel()
    mapped: Mapped = Mapped()


class Price(Table):
    """List price of a model."""

    input: float = Field(ge=0)
    """Per million input tokens."""
    output: float = Field(ge=0)
    """Per million output tokens."""


class Prices(Table):
    """What tokens cost, so that a report can say what was taken in money."""

    currency: str = "USD"
    default: Price = Price(input=3.0, output=15.0)
    """Price of models that have none of their own; an assumption, and called so in reports."""
    models: dict[str, Price] = Field(default_factory=dict)


class Allow(Table):
    """A subject whose findings were agreed to. They are counted and shown as allowed."""

    account_id: str | None = None
    source_ip: str | None = None
    org_id: str | None = None
    source_prefix: str | None = None
    detectors: tuple[str, ...] = ()
    """Rules and detectors that it covers; empty means all."""
    reason: str
    expires: datetime.date | None = None
    """Last day of log time that it covers."""


class Tail(Table):
    """Following logs as they grow: `stillhunt tail`."""

    lateness: str = "5m"
    """How much older than the newest line another may be and still count in a sliding window:
    a gateway writes a line when an answer ends, with the time at which it began."""
    checkpoint: str = "10s"
    """How often place and windows are written to `--state`."""
    stalled: str = "5m"
    """After so long without a new line, by the wall clock, the tail says so."""
    ingest: str = "30s"
    """With `--lake`: how often the new lines are ingested."""
    events: int = Field(default=650_000, ge=10_000, le=1_000_000_000)
    """Exchanges that each sliding rule holds, 8 bytes each. Where more of them fall into
    `lateness`, the lightest subjects are forgotten first, and a count may be too small."""
    sums: int = Field(default=200_000, ge=10_000, le=1_000_000_000)
    """Sums that each look-back rule holds, about 24 bytes each; likewise."""


TABLES: dict[str, Any] = {
    "hunt": (Hunting, Hunting()),
    "identity": (Identity, Identity()),
    "enrich": (Enrich, Enrich()),
    "lake": (Lake, Lake()),
    "readers": (Readers, Readers()),
    "prices": (Prices, Prices()),
    "allow": (list[Allow], []),
    "detectors": (dict[str, dict[str, int | float | str | bool]], {}),
    "tail": (Tail, Tail()),
}


OTHERS = ("desk",)
"""Tables of rooms that know the hunt; it does not know them, and passes them over."""


class HuntSettings(Table):
    """Everything the hunt was told, with the folder that relative paths start from."""

    hunt: Hunting = Hunting()
    identity: Identity = Identity()
    enrich: Enrich = Enrich()
    lake: Lake = Lake()
    readers: Readers = Readers()
    prices: Prices = Prices()
    allow: tuple[Allow, ...] = ()
    detectors: dict[str, dict[str, int | float | str | bool]] = Field(default_factory=dict)
    """Parameters of rules and detectors, as `--set` takes them: `[detectors.volume]`."""
    tail: Tail = Tail()
    folder: Path = Path()


def read_settings(path: Path | None = None) -> HuntSettings:
    """Read the hunt's tables from *path*, or ``./stillhunt.toml``, or the defaults.

    Raises:
        ConfigError: See ``stillhunt.settings.load``.
    """
    tables, folder = load(path, TABLES, others=OTHERS)
    return HuntSettings(folder=folder, **{name: getattr(tables, name) for name in TABLES})

"""The table of ``stillhunt.toml`` that the desk reads: where findings go, and what waits."""

import operator
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints, create_model

from stillhunt.desk.secret import Anchored
from stillhunt.desk.sink import SINKS, Options
from stillhunt.hunt.settings import TABLES as HUNT_TABLES
from stillhunt.registry import parts
from stillhunt.settings import Table, load

__all__ = ["TABLES", "Desk", "read_settings", "sink_options"]

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


def sink_options() -> dict[str, type[Options]]:
    """Return kind -> the keys of ``[desk.sinks.NAME]`` for a sink of that kind."""
    return {kind: _with_kind(kind, part.Options) for kind, part in parts(SINKS).items()}


def _with_kind(kind: str, options: type[Options]) -> type[Options]:
    named: Any = Literal[kind]
    return create_model(
        f"{kind.title()}Options", __base__=options, __doc__=options.__doc__, kind=(named, ...)
    )


if TYPE_CHECKING:
    SinkOptions = Options
else:
    SinkOptions = Annotated[
        reduce(operator.or_, sink_options().values()), Field(discriminator="kind")
    ]


class Desk(Table):
    """Where findings go. Each `[desk.sinks.NAME]` is a place that `--to NAME` sends to."""

    spool: Anchored = Path("spool.db")
    """File that holds what is not delivered yet, mode 0600."""
    spool_mb: int = Field(default=64, ge=1, le=100_000)
    """What may wait [MB]. When it is full, the least grave and oldest give way to graver ones."""
    attempts: int = Field(default=72, ge=1, le=100_000)
    """Failed tries after which a finding is parked. Waits double from 5 s to an hour, so 72
    outlast a long weekend."""
    sinks: dict[Name, SinkOptions] = Field(default_factory=dict)
    """See the kinds of sinks."""


TABLES: dict[str, Any] = {**HUNT_TABLES, "desk": (Desk, Desk())}


def read_settings(path: Path | None = None) -> Desk:
    """Read the desk's table from *path*, or ``./stillhunt.toml``, or the defaults.

    The tables of the hunt are checked as well, so that a mistake anywhere stops the start.

    Raises:
        ConfigError: See ``stillhunt.settings.load``.
    """
    tables, folder = load(path, TABLES, hidden=("desk.sinks",))
    return Desk.model_validate(tables.desk.model_dump(), context={"folder": folder})

"""What a sink is: a part that delivers one finding, at least once."""

from typing import Literal, Protocol

from pydantic import Field

from stillhunt.model.finding import Finding
from stillhunt.settings import Table

__all__ = ["SINKS", "Format", "Options", "Sink"]

SINKS = "stillhunt.desk.sinks"
Format = Literal["finding", "ocsf"]
"""``finding`` is ``stillhunt schema finding``; ``ocsf`` is OCSF 1.8 Detection Finding (2004)."""


class Options(Table):
    """What every sink may be told: the keys of ``[desk.sinks.NAME]`` beside its own."""

    format: Format = "finding"
    """What is sent: `finding` (`stillhunt schema finding`) or `ocsf` (Detection Finding, 2004)."""
    min_severity: int = Field(default=1, ge=1, le=5)
    """Findings below this severity are not sent: 1 informational to 5 critical."""


class Sink(Protocol):
    """What a file in ``sinks`` must offer.

    Its class has an inner class ``Options``: its keys of ``[desk.sinks.NAME]`` and what they
    mean. It is made of these and does nothing until it delivers. It raises ConfigError where a
    secret that it was told of is not there.
    """

    def deliver(self, item: Finding, *, update: bool = False) -> None:
        """Deliver *item* or raise DeliveryError: then it is tried again.

        Args:
            item: The finding; its id makes a repeat harmless.
            update: Whether an earlier state of it was delivered before.
        """
        ...

"""What a display is told while a tail runs."""

from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from stillhunt.model.finding import Finding

if TYPE_CHECKING:
    from stillhunt.hunt.tail.loop import Tail

__all__ = ["Silent", "Watch"]


class Watch(Protocol):
    """Sees what happens, for a display; every verb is cheap."""

    def rows(self, rows: pa.Table) -> None:
        """Take the exchanges of one piece."""
        ...

    def finding(self, finding: Finding) -> None:
        """Take a finding that was delivered."""
        ...

    def tick(self, tail: "Tail") -> None:
        """Take note that a round is over."""
        ...


class Silent:
    """A ``Watch`` that shows nothing."""

    def rows(self, rows: pa.Table) -> None:
        """Take nothing."""

    def finding(self, finding: Finding) -> None:
        """Take nothing."""

    def tick(self, tail: "Tail") -> None:
        """Take nothing."""

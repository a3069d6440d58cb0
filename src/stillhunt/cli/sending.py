"""What carries findings from a command to the sinks of the desk."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stillhunt.cli.answers import tell

if TYPE_CHECKING:
    from stillhunt.desk.courier import Courier
    from stillhunt.hunt.call import Report

__all__ = ["courier_to", "outbox_to"]


@contextmanager
def outbox_to(
    to: list[str] | None, config: Path | None, quiet: bool
) -> Iterator[Callable[["Report"], bool]]:
    """Give what sends a report's findings to the sinks *to*; mistakes show before any work.

    It returns whether each of them was sent or is kept until it can be.
    """
    from stillhunt.desk.outbox import FLUSH_S, Outbox, open_spool, routes
    from stillhunt.desk.settings import read_settings
    from stillhunt.hunt.report.document import read_findings

    desk = read_settings(config)
    if not to:
        yield lambda _: True
        return
    ways = routes(desk, to)
    with open_spool(desk) as spool:
        outbox = Outbox(ways, spool)

        def send(report: "Report") -> bool:
            outbox.deliver_all(read_findings(report.document))
            lines = outbox.report(outbox.flush(FLUSH_S))
            if not (quiet and outbox.is_settled):
                tell(lines)
            return outbox.lost == 0

        yield send


@contextmanager
def courier_to(
    to: list[str] | None, config: Path | None, quiet: bool
) -> "Iterator[Courier | None]":
    """Give what carries findings to the sinks *to* while they are found, or None."""
    from stillhunt.desk.courier import Courier
    from stillhunt.desk.outbox import open_spool, routes
    from stillhunt.desk.settings import read_settings

    desk = read_settings(config)
    if not to:
        yield None
        return
    courier = Courier(routes(desk, to), lambda: open_spool(desk), say=lambda one: tell([one]))
    try:
        yield courier
    finally:
        lines = courier.close()
        if not (quiet and courier.is_settled):
            tell(lines)

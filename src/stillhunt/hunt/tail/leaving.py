"""When a renamed file is done: its writer has turned to the new one, as far as can be told."""

import os
from collections.abc import Callable, Sequence

from stillhunt.hunt.source import shown
from stillhunt.hunt.tail.opened import OpenFile

__all__ = ["GRACE_S", "LONGEST_S", "is_left"]

GRACE_S = 10.0
"""How long a renamed file is read on after it last grew and the new one got its first byte [s]:
nginx's workers take up to a second to open the new one after ``-s reopen``."""
LONGEST_S = 3_600.0
"""How long it is read on where neither it grows nor the new one gets anything [s]: a file that
was removed keeps its place on the disk as long as we hold it. A file that still grows is never
left; after so long, the rotation has a fault, and we say so."""


def is_left(
    old: OpenFile,
    newer: Sequence[OpenFile],
    now_s: float,
    *,
    grew: bool,
    warn: Callable[[str], None],
) -> bool:
    """Return whether nobody writes to the renamed file *old* any more; take note of the time.

    Args:
        old: Read to its end.
        newer: What came to its path since, in order.
        now_s: Monotonic time [s].
        grew: Whether *old* had something new just now.
        warn: Told what an operator should mend.
    """
    if old.retired_s is None:
        old.retired_s = old.grown_s = now_s
    if grew:
        old.grown_s = now_s
        if now_s - old.retired_s >= LONGEST_S:
            old.retired_s = now_s
            warn(
                f"{shown(old.path)} was renamed more than an hour ago, and still somebody writes"
                " to the old file; make the writer open the new one"
            )
    if old.turned_s is None and any(os.fstat(one.file).st_size for one in newer):
        old.turned_s = now_s
    if old.turned_s is not None:
        return now_s - max(old.turned_s, old.grown_s) >= GRACE_S
    if now_s - old.grown_s < LONGEST_S:
        return False
    warn(
        f"{shown(old.path)} was renamed, and for an hour nobody wrote to the old file or the new"
        " one; the old one is not read any more"
    )
    return True

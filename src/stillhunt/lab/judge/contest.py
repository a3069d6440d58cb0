"""The baselines beside the hunt: what each needs of the exchanges, and its scores.

A baseline is a part: a file in ``baselines`` with one class.
"""

from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from stillhunt.hunt.sketching import add_sketches
from stillhunt.lab.judge.exchanges import Exchanges
from stillhunt.lab.judge.metrics import Flags, Floats
from stillhunt.registry import parts

__all__ = ["Baseline", "Contest"]

SEED = 5  # of the templates' hashes; any will do, for they are only compared with each other


class Baseline(Protocol):
    """A score for each account; higher is more suspicious."""

    title: str

    def scores(self, exchanges: Exchanges, is_honest: Flags) -> Floats:
        """Return one score by account code; minus infinity where it has nothing to say.

        Args:
            exchanges: With the columns that ``read`` gave.
            is_honest: By account code; only for a baseline that learns what is normal.
        """
        ...


@runtime_checkable
class Reads(Protocol):
    """A baseline that needs the texts."""

    def read(self, rows: pa.Table) -> dict[str, pa.Array]:
        """Return columns to keep of *rows*: account, prompt and the rest; or remember them."""
        ...


class Contest:
    """All baselines on the same exchanges."""

    def __init__(self) -> None:
        found = parts("stillhunt.lab.judge.baselines")
        self.baselines: dict[str, Any] = {name: part() for name, part in found.items()}

    def read(self, rows: pa.Table) -> dict[str, pa.Array]:
        """Return the columns that the baselines keep, the template of the prompt among them."""
        made = {"template": add_sketches(rows.select(["prompt"]), SEED)["template"]}
        for one in self.baselines.values():
            if isinstance(one, Reads):
                made |= one.read(rows)
        return made

    def scores(self, exchanges: Exchanges, is_honest: Flags) -> dict[str, Floats]:
        """Return the scores of every baseline by name."""
        return {
            name: one.scores(exchanges, is_honest) for name, one in sorted(self.baselines.items())
        }

    def titles(self) -> dict[str, str]:
        """Return what each baseline is called."""
        return {name: one.title for name, one in sorted(self.baselines.items())}

"""A process that stays small: what to load, and what not to remember."""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["stay_small"]

KEPT = 10_000
"""Addresses and paths remembered in their canonical spelling, about 2 MB."""


class _WithoutPandas:
    """Finds no pandas: pyarrow loads it wherever it is installed, 37 MB that we never use."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Say that there is no pandas; leave everything else to others."""
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name=name)
        return None


def stay_small() -> None:
    """Keep this process below 200 MB; only for one that does nothing but follow logs."""
    if "pandas" not in sys.modules:
        sys.meta_path.insert(0, _WithoutPandas())
    import pyarrow as pa  # noqa: PLC0415 - after pandas was hidden

    from stillhunt.hunt import addresses, paths  # noqa: PLC0415

    pa.set_memory_pool(pa.system_memory_pool())  # others keep what they once had
    pa.set_cpu_count(1)
    addresses.KEPT = paths.KEPT = KEPT

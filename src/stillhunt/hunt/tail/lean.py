"""A process that stays small: what to load, what not to remember, and what to give back."""

import ctypes
import re
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

__all__ = ["give_back_code", "stay_small"]

CODE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ [1-9]\d*\s+/\S+\.so[.\d]*$")
"""A mapping of a library's code: never written to, so that its pages can be read again."""
MADV_DONTNEED = 4
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


def give_back_code() -> None:
    """Let go of the libraries' code; what is used again comes back from the page cache.

    Loading DuckDB and Arrow touches 55 MB of code, of which following logs needs 30: 25 MB
    less in every figure of memory. Linux only; elsewhere it does nothing.
    """
    if sys.platform != "linux":
        return
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8")
        madvise = ctypes.CDLL(None).madvise
    except (OSError, AttributeError):
        return
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for line in maps.splitlines():
        if found := CODE.match(line):
            start, end = (int(place, 16) for place in found.groups())
            madvise(start, end - start, MADV_DONTNEED)

"""Mark functions that numba compiles, without losing their types."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

__all__ = ["cached", "compiled", "is_known"]

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile *function* into whatever compiled function calls it."""
    return cast(F, numba.njit(function))


def cached(function: F) -> F:
    """Compile *function* at its first call, without the GIL, and keep the result on disk.

    ``NUMBA_CACHE_DIR`` says where; where no folder can be written, each process compiles.
    """
    try:
        return cast(F, numba.njit(nogil=True, cache=True)(function))
    except RuntimeError:  # numba: "no locator available"
        return cast(F, numba.njit(nogil=True)(function))


def is_known(function: Callable[..., Any]) -> bool:
    """Say whether a ``cached`` function is compiled, in this process or on disk."""
    dispatcher: Any = function
    if dispatcher.signatures:
        return True
    folder, name = dispatcher.stats.cache_path, dispatcher.py_func.__qualname__
    return folder is not None and any(Path(folder).glob(f"*.{name}-*.nbc"))

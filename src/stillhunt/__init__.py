"""Find, stop and prove distillation attacks on LLM APIs.

Importing this package imports nothing heavy; ``hunt`` and ``Report`` load on first use.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stillhunt.hunt.call import Report, hunt

__all__ = ["Report", "__version__", "hunt"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Load the notebook's call on first use."""
    if name in {"Report", "hunt"}:
        from importlib import import_module  # noqa: PLC0415 - keeps `import stillhunt` light

        return getattr(import_module("stillhunt.hunt.call"), name)
    raise AttributeError(f"module 'stillhunt' has no attribute {name!r}")

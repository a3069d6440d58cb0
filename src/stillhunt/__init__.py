"""Find, stop and prove distillation attacks on LLM APIs.

Importing this package imports nothing heavy; ``hunt`` and ``Report`` load on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stillhunt.hunt.call import Report, hunt

__all__ = ["Report", "__version__", "hunt"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Load the notebook's call on first use."""
    if name == "hunt":
        return import_module("stillhunt.hunt")
    if name == "Report":
        return import_module("stillhunt.hunt.call").Report
    raise AttributeError(f"module 'stillhunt' has no attribute {name!r}")

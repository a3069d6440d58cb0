"""Measured shapes of traffic: ``shapes.toml``, which ``lab/fit.py`` writes."""

import tomllib
from functools import cache
from pathlib import Path

import numpy as np

from stillhunt.lab.arrivals import FloatArray

__all__ = ["FILE", "Shapes", "hours", "measured", "shapes"]

FILE = Path(__file__).parent / "shapes.toml"
Shapes = dict[str, dict[str, float | list[float]]]


@cache
def shapes() -> Shapes:
    """Return the file as it stands."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def measured(table: str, name: str) -> float:
    """Return one number; KeyError if it was not fitted."""
    value = shapes()[table][name]
    if isinstance(value, list):
        raise KeyError(f"{table}.{name} is a list")
    return float(value)


def hours(table: str) -> FloatArray:
    """Return the share of a day's requests in each hour, shape (24,)."""
    return np.array(shapes()[table]["hours"], dtype=float)

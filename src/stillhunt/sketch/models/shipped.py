"""The weights that we ship, and what a sum of them means.

``weights/models.npz`` holds two models of one form, *elicitation* and *probe*; what they were
trained on and how well they do stands in docs/models.md. A sum becomes a probability by two
numbers a model, fitted on families and sets that the weights had not seen, for a stream in
which PRIOR of the texts are of that kind.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["MODELS", "PRIOR", "Models", "read", "save", "shipped"]

MODELS: Final = ("elicitation", "probe")
"""Columns of the weights, in this order."""
PRIOR: Final = 0.02
"""Share of texts of a model's kind for which its probabilities are calibrated."""


@dataclass(frozen=True)
class Models:
    """Both models: whole numbers to sum, and what turns a sum into a probability."""

    weights: npt.NDArray[np.int8]
    """Shape (2 ** BITS, 2)."""
    bounds: npt.NDArray[np.int64]
    """Cap and drift of a word, shape (2, 2): one column a model."""
    lines: npt.NDArray[np.float64]
    """Slope [log-odds per unit of the sum] and offset [log-odds], shape (2, 2)."""

    def probability(self, sums: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """Return how likely each text is of each kind, shape (n, 2), in [0, 1]."""
        odds = np.clip(sums * self.lines[0] + self.lines[1], -30.0, 30.0)
        found: npt.NDArray[np.float32] = (1.0 / (1.0 + np.exp(-odds))).astype(np.float32)
        return found


def save(models: Models, path: Path) -> None:
    """Write the models to *path*, an ``.npz`` file."""
    np.savez_compressed(path, weights=models.weights, bounds=models.bounds, lines=models.lines)


def read(file: Path | BytesIO) -> Models:
    """Return the models of an ``.npz`` file."""
    with np.load(file, allow_pickle=False) as found:
        return Models(found["weights"], found["bounds"], found["lines"])


@cache
def shipped() -> Models:
    """Return the models that come with Stillhunt, read once."""
    resource = files("stillhunt.sketch.models").joinpath("weights", "models.npz")
    return read(BytesIO(resource.read_bytes()))

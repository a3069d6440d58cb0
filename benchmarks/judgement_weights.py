"""Weights that never saw a kind of campaign, for judging it as one that nobody knows.

For each kind one population is simulated and hunted, with seeds that are not judged; then the
weights are fitted on all of them but the kind. The shipped weights are fitted in the same way
on all kinds (``stillhunt lab calibrate``).
"""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stillhunt.hunt.campaigns.fusion import Weights
from stillhunt.lab.calibrate import calibrate, measure
from stillhunt.lab.simulate import simulate

__all__ = ["held_out", "read_weights"]

FIT_SEED = 501  # apart from the seeds that are judged
ACCOUNTS, RATE = 2_500, 0.02


def held_out(out: Path, campaigns: Sequence[str]) -> dict[str, Weights]:
    """Return weights fitted without each of *campaigns*; those in *out* are not fitted again."""
    out.mkdir(parents=True, exist_ok=True)
    files = {name: out / f"without-{name}.json" for name in campaigns}
    if not all(file.exists() for file in files.values()):
        populations = []
        for number, name in enumerate(campaigns):
            print(f"-- weights: {name}", file=sys.stderr, flush=True)
            folder = out / "population"
            simulate(folder, campaigns=(name,), accounts=ACCOUNTS, base_rate=RATE,
                     seed=FIT_SEED + number)  # fmt: skip
            populations.append(measure(folder))
            shutil.rmtree(folder)
        for name, file in files.items():
            rest = [one for one in populations if name not in one.campaigns]
            fitted, _ = calibrate(rest)
            file.write_text(json.dumps(fitted) + "\n", encoding="utf-8")
    return {name: read_weights(file) for name, file in files.items()}


def read_weights(file: Path) -> Weights:
    """Return weights from a file such as ``weights.json``."""
    raw: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return Weights(
        group=raw["group"],
        member=raw["member"],
        honest=np.array(raw["honest"]["scores"], np.float64),
        honest_above=np.array(raw["honest"]["above"], np.float64),
        honest_total=int(raw["honest"]["total"]),
        is_calibrated=bool(raw["calibrated"]),
    )

"""Public sets of prompts that lie in the folder which STILLHUNT_DATA names, if it is there.

Their text is read and never stored. A set's licence is that of its source; what the shipped
weights were trained on is written beside them and in docs/models.md.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pydoc_data import topics
from typing import Final

import pyarrow.parquet as pq
import zstandard

__all__ = ["ELICITATION", "HONEST", "PASSAGES", "Prompt", "folder", "manuals", "passages", "texts"]

HONEST: Final[Mapping[str, str]] = {
    "people_hh_rlhf_turns.parquet": "MIT",
    "benign_batch_t0_shared.parquet": "Apache-2.0",
    "seed_tasks_self_instruct.parquet": "Apache-2.0",
}
"""File of honest prompts -> licence of its repository."""
ELICITATION: Final[Mapping[str, str]] = {
    "attack_cot_zero_shot_triggers.parquet": "Apache-2.0, phrases: no licence file seen",
    "attack_generation_calls_alpaca_selfinstruct.parquet": "Apache-2.0",
    "attack_rubric_prometheus.parquet": "Apache-2.0",
    "templates_attack_shared.parquet": "see its rows",
}
"""File of elicitations, to measure on alone -> licence."""


@dataclass(frozen=True)
class Prompt:
    """One public prompt."""

    text: str
    name: str
    """Of its set: ``hh_harmless_test``, ``t0:duorc``."""
    template: str
    is_elicitation: bool


_SHORTEST: Final = 120  # of a passage [characters]
PASSAGES: Final = "corpus_english_shared.jsonl.zst"
"""Plain English to fill in: CC BY-SA where from Wikipedia, MIT, BSD and Apache-2.0 else."""


def folder() -> Path | None:
    """Return the folder of public sets, if there is one."""
    named = os.environ.get("STILLHUNT_DATA")
    return Path(named) if named and Path(named).is_dir() else None


def texts(where: Path) -> list[Prompt]:
    """Return all prompts of the known sets in *where*, in the order of the files."""
    found = []
    for file in (*HONEST, *ELICITATION):
        if not (where / file).is_file():
            continue
        table = pq.read_table(where / file, columns=["set", "template", "prompt"])
        for row in table.to_pylist():
            if row["prompt"]:
                found.append(
                    Prompt(row["prompt"], row["set"], row["template"] or "", file in ELICITATION)
                )
    return found


def passages(where: Path) -> list[str]:
    """Return passages of plain English, none where the file is missing."""
    if not (where / PASSAGES).is_file():
        return []
    with (where / PASSAGES).open("rb") as file:
        plain = zstandard.ZstdDecompressor().stream_reader(file).read().decode()
    return [json.loads(line)["text"] for line in plain.splitlines()]


def manuals() -> list[str]:
    """Return passages of Python's own manual (PSF licence), which is wherever Python is."""
    text = "\n\n".join(topics.topics[name] for name in sorted(topics.topics))
    parts = [" ".join(part.split()) for part in text.split("\n\n")]
    return [part for part in parts if len(part) > _SHORTEST]

"""``python -m benchmarks.sketch``: how fast texts are sketched, and how well templates hold.

Speed is that of one core (CPU time of the thread, which other programs on the machine disturb
less than the clock on the wall; both are shown), median of three, without the compilation.
The second table needs the public prompts that ``STILLHUNT_DATA`` names.
"""

import json
import os
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillhunt.hunt.sketching import add_sketches
from stillhunt.sketch.template import sketch as reference

__all__ = ["quality", "rows"]

DOCUMENTS = 20_000
WORDS = 172  # of 5.1 letters and a blank on average: 1 kB
SEED = 0x5EED
BATCH = ("benign_batch_t0_shared",)
HARVEST = (
    "attack_rubric_prometheus",
    "attack_generation_calls_alpaca_selfinstruct",
    "attack_cot_zero_shot_triggers",
)
PEOPLE = "people_hh_rlhf_turns"


def prompts(n: int, words: int, letters: str = "etaoinshrdlcumwfgypbvk") -> list[str]:
    """Return *n* prompts of *words* words each, Zipf over 30,000 random ones."""
    rng = np.random.default_rng(SEED)
    lengths = rng.integers(2, 9, 30_000)
    known = ["".join(rng.choice(list(letters), size)) for size in lengths]
    shares = 1 / np.arange(1, len(known) + 1)
    drawn = rng.choice(len(known), (n, words), p=shares / shares.sum())
    return [
        "Classify the review: " + ", ".join(" ".join(known[i] for i in part) for part in row)
        for row in drawn.reshape(n, -1, 4)
    ]


def rows() -> list[dict[str, Any]]:
    """Return documents a second of the kernel behind ``add_sketches``, and of the reference."""
    english = prompts(DOCUMENTS, WORDS)
    chinese = ["".join(chr(0x4E00 + ord(c) * 37 % 5_000) for c in p)[:340] for p in english]
    long = [" ".join(english[i : i + 970]) for i in range(0, 19_400, 970)]
    works: list[tuple[str, list[str], Callable[[list[str]], object]]] = [
        ("1 kB of English", english, _sketched),
        ("1 kB of Chinese", chinese, _sketched),
        ("240 bytes of English", [p[:240] for p in english], _sketched),
        ("1 MB of English", long, _sketched),
        ("reference, 1 kB of English", english[:100], _referenced),
    ]  # fmt: skip
    return [_row(name, texts, work) for name, texts, work in works]


def _sketched(texts: list[str]) -> object:
    return _timed(add_sketches, pa.table({"prompt": texts}), SEED)


def _referenced(texts: list[str]) -> object:
    return _timed(lambda: [reference(text, SEED) for text in texts])


def _timed(work: Callable[..., object], *arguments: object) -> tuple[float, float]:
    cpu, wall = time.thread_time(), time.perf_counter()
    work(*arguments)
    return time.thread_time() - cpu, time.perf_counter() - wall


def _row(name: str, texts: list[str], work: Callable[[list[str]], Any]) -> dict[str, Any]:
    work(texts[:1])
    runs = [work(texts) for _ in range(3)]
    cpu, wall = (statistics.median(run[i] for run in runs) for i in (0, 1))
    size = sum(len(text.encode()) for text in texts)
    return {
        "work": name,
        "bytes": round(size / len(texts)),
        "documents_per_second": round(len(texts) / cpu),
        "documents_per_second_wall": round(len(texts) / wall),
        "MB_per_second": round(size / cpu / 1e6, 1),
    }


def quality(data: Path) -> list[dict[str, Any]]:
    """Return how often the rows of one labelled template have one number.

    Mean and count over templates; *joined*: labelled templates whose commonest number is also
    another's (they may well have the same frame).
    """
    found = []
    ways: dict[str, Callable[[list[str]], list[Any]]] = {
        "template": _templates,
        "all words but numbers": lambda texts: [_plain(text) for text in texts],
        "first five words": lambda texts: [_plain(text)[:5] for text in texts],
    }
    for way, number in ways.items():
        for name, files in (("honest batch work", BATCH), ("harvesting", HARVEST)):
            found.append({"way": way, "prompts": name, **_held(_read(data, files), number)})
        people = {" ".join(_plain(p)): p for p, _ in _read(data, (PEOPLE,))}
        numbers = Counter(number(list(people.values())))
        alone = sum(n for n in numbers.values() if n > 1)
        found.append({"way": way, "prompts": "people", "rows": len(people), "not_alone": alone})
    return found


def _read(data: Path, files: Iterable[str]) -> list[tuple[str, str]]:
    tables = [pq.read_table(data / f"{name}.parquet").to_pylist() for name in files]
    return [(r["prompt"], r["template"]) for table in tables for r in table if r["prompt"]]


def _templates(texts: list[str]) -> list[Any]:
    return list(add_sketches(pa.table({"prompt": texts}), SEED)["template"].to_pylist())


def _plain(text: str) -> tuple[str, ...]:
    kept = "".join(c if c.isalnum() or c in "'\u2019" else " " for c in text.lower()).split()
    return tuple(word for word in kept if not any(c.isdigit() for c in word))


def _held(
    labelled: list[tuple[str, str]], number: Callable[[list[str]], list[Any]]
) -> dict[str, Any]:
    groups: dict[str, Counter[Any]] = defaultdict(Counter)
    for one, (_, label) in zip(number([p for p, _ in labelled]), labelled, strict=True):
        groups[label][one] += 1
    top = {label: counts.most_common(1)[0] for label, counts in groups.items()}
    shares = [top[label][1] / counts.total() for label, counts in groups.items()]
    owners = Counter(value for value, _ in top.values())
    return {
        "rows": len(labelled),
        "templates": len(groups),
        "largest_share": round(statistics.mean(shares), 3),
        "above_half": sum(share > 0.5 for share in shares),
        "joined": sum(owners[value] > 1 for value, _ in top.values()),
    }


def main() -> None:
    """Print both tables, then JSON."""
    data = os.environ.get("STILLHUNT_DATA")
    results = {"speed": rows(), "templates": quality(Path(data)) if data else []}
    for table in results.values():
        for row in table:
            print("  ".join(f"{key} {value}" for key, value in row.items()))
    print(json.dumps(results))


if __name__ == "__main__":
    main()

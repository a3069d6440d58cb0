"""Give each reader a great many lines that are nearly right, and check what must always hold.

``python tests/fuzz/run.py [N] [READER] [--seed SEED]`` reads N lines per reader (default
1,000,000), of all readers or of one. Lines are made from the samples by cutting, doubling,
swapping and poisoning pieces: random text would never get near the code that breaks. A failure
prints the reader, the seed and the batch.
"""

import argparse
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.hunt.casts import EXACT, NAMES, TEXTS
from stillhunt.hunt.framing import Batch
from stillhunt.hunt.lake.schema import join
from stillhunt.hunt.reading import Reading, ReadResult
from stillhunt.hunt.settings import HuntSettings, Mapped, Readers

SAMPLES = Path(__file__).parents[1] / "samples"
FILES = {
    "native": "native.jsonl", "nginx": "nginx.log", "nginx_json": "nginx_json.jsonl",
    "litellm_spend": "litellm_spend.jsonl", "litellm_payload": "litellm_payload.jsonl",
    "otel": "otel.jsonl", "mapped": "mapped.jsonl",
    "ocsf": "ocsf.jsonl", "ecs": "ecs.jsonl",
}  # fmt: skip
BATCH = 1_000
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9.]+|[{}\[\],:]|\s+|[^\s"{}\[\],:]+')
POISON = [
    "null", "true", "NaN", "Infinity", "-0", "1e999", "-1", "1.5", "9" * 30, "32768",
    "2147483648", "9223372036854775808", '""', '"\\ud800"', '"\\u0000"', '"\ufffd"', "[]", "{}",
    "[[[[[[", "}}}}", '"', "\\", '\\"', "\\x22", " ", "\t", "\x00", "\u2028", "'", "--", "%s",
    "[28/May/2026:20:26:40 +0000]", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "-9999",
    "sk-poison-0123456789abcdef", '"x sk-poison-0123456789abcdef"',
    "9e12", "-9e12", "-9223372036854", '{"type": []}', '{"name": []}', "[" * 400 + "]" * 400,
    "::ffff:192.0.2.1", "1.2.3.4:5", "\U0001f431", "a" * 2_000,
    "[" * 3_000,
]  # fmt: skip
FIRST_US, END_US = 631_152_000_000_000, 4_102_444_800_000_000


def cut(rng: random.Random, line: str) -> str:
    """End the line early, as a crash does."""
    return line[: rng.randrange(len(line) + 1)]


def poison(rng: random.Random, line: str) -> str:
    """Put something odd in place of one token."""
    tokens = TOKEN.findall(line) or [""]
    tokens[rng.randrange(len(tokens))] = rng.choice(POISON)
    return "".join(tokens)


def repeat(rng: random.Random, line: str) -> str:
    """Say one stretch of tokens twice: doubled keys, doubled brackets."""
    tokens = TOKEN.findall(line) or [""]
    start = rng.randrange(len(tokens))
    end = min(len(tokens), start + rng.randint(1, 12))
    return "".join(tokens[:end] + tokens[start:])


def swap(rng: random.Random, line: str) -> str:
    """Exchange two tokens."""
    tokens = TOKEN.findall(line) or [""]
    one, other = rng.randrange(len(tokens)), rng.randrange(len(tokens))
    tokens[one], tokens[other] = tokens[other], tokens[one]
    return "".join(tokens)


def flip(rng: random.Random, line: str) -> str:
    """Change single characters."""
    characters = list(line or " ")
    for _ in range(rng.randint(1, 4)):
        characters[rng.randrange(len(characters))] = chr(
            rng.choice([rng.randrange(32, 127), 0xFFFD])
        )
    return "".join(characters)


CHANGES: list[Callable[[random.Random, str], str]] = [cut, poison, poison, repeat, swap, flip]


def near_misses(rng: random.Random, samples: list[str], count: int) -> list[str]:
    """Return *count* lines, each a sample with up to three changes."""
    lines = []
    for _ in range(count):
        line = rng.choice(samples)
        for _ in range(rng.randint(0, 3)):
            line = rng.choice(CHANGES)(rng, line)
        lines.append(re.sub(r"[\r\n\x00]", "\ufffd", line))
    return lines


def check(result: ReadResult, lines: list[str]) -> None:
    """Assert what holds for every reader, whatever it was given."""
    rows = result.rows
    assert result.lines == rows.num_rows + len(result.rejects)
    seen = set(rows["line_number"].to_pylist()) | {number for number, _ in result.rejects}
    assert seen == set(range(1, len(lines) + 1))
    assert all(reason for _, reason in result.rejects)
    assert not any("sk-poison" in reason for _, reason in result.rejects)
    if rows.num_rows == 0:
        return
    times = pc.min_max(rows["ts_us"]).as_py()
    assert FIRST_US <= times["min"] <= times["max"] < END_US
    assert rows["ts_us"].null_count == rows["exchange_id"].null_count == 0
    for name in EXACT & set(rows.column_names):
        least = pc.min(rows[name]).as_py()
        assert least is None or least >= 0
    for name in {*NAMES, *TEXTS} & set(rows.column_names):
        leaks = pc.match_substring_regex(rows[name], "(^|[^A-Za-z])sk-poison-0123456789abcdef")
        assert not pc.any(leaks).as_py()
    if "source_ip" in rows.column_names:
        plain = pc.match_substring_regex(rows["source_ip"].drop_null(), r"^[0-9a-f:.]+$")
        assert pc.all(plain).as_py() in {True, None}


def check_quick(reading: Reading, lines: list[str], wanted: ReadResult) -> int:
    """Assert that the reader's quick way says what its projection does; return what it read."""
    raw = "".join(f"{line}\n" for line in lines).encode()
    end = len(lines) + 1
    batch = Batch(first_line=1, next_line=end, end_offset=len(raw), seam=b"", raw=raw)
    plain = reading.quick(batch)
    rest = reading.read(batch.lines)
    assert rest.rejects == wanted.rejects
    rows = join([rest.rows, plain]) if plain is not None else rest.rows
    together = rows.select(wanted.rows.column_names).cast(wanted.rows.schema)
    for found, row in zip(
        together.sort_by("line_number").to_pylist(), wanted.rows.to_pylist(), strict=True
    ):
        assert found == row
    return plain.num_rows if plain is not None else 0


def fuzz(reader: str, count: int, seed: int, folder: Path) -> None:
    """Read *count* near misses of the reader's own format."""
    mapping = Mapped(
        columns={"ts_us": "when", "key_hash": "who.key", "source_ip": "net.ip",
                 "output_tokens": "usage.in", "prompt": "text"},
        units={"ts_us": "s"},
    )  # fmt: skip
    settings = HuntSettings(folder=folder, readers=Readers(mapped=mapping))
    samples = (SAMPLES / FILES[reader]).read_text(encoding="utf-8").splitlines()
    reading = Reading(reader, settings, "0123abcd")
    is_quick = hasattr(reading.reader, "quick")
    rng = random.Random(f"{reader} {seed}")
    for start in range(0, count, BATCH):
        lines = near_misses(rng, samples, min(BATCH, count - start))
        if is_quick:
            lines = [line or "-" for line in lines]  # a blank one ends the quick way for all
        table = pa.table({"line_number": range(1, len(lines) + 1), "line": lines})
        try:
            result = reading.read(table)
            check(result, lines)
            if is_quick:
                check_quick(reading, lines, result)
        except BaseException:
            print(f"reader {reader}, seed {seed}, batch from {start}", file=sys.stderr)
            raise


def main(words: Sequence[str] | None = None) -> None:
    """Give each reader, or one, its lines, and say how fast it went."""
    parser = argparse.ArgumentParser(prog="./dev fuzz", description="Fuzz the readers.")
    parser.add_argument("lines", nargs="?", type=int, default=1_000_000, help="per reader")
    parser.add_argument("reader", nargs="?", choices=list(FILES), help="default all")
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        for reader in [told.reader] if told.reader else FILES:
            print(f"{reader:16}", end=" ", flush=True)
            before = time.monotonic()
            fuzz(reader, told.lines, told.seed, Path(folder))
            took = time.monotonic() - before
            print(f"{told.lines:9,} lines  {told.lines / took:9,.0f} lines/s", flush=True)


if __name__ == "__main__":
    main()

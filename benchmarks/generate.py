"""Seeded inputs of any size for the benchmarks; memory stays flat, whatever the size.

    python benchmarks/generate.py nginx  --rows 2000000  --out access.log
    python benchmarks/generate.py native --rows 300000   --out exchanges.jsonl
    python benchmarks/generate.py hot    --rows 16000000 --out lake

What is drawn afresh for every row, and what comes out of a pool, is said at each generator,
because pools make files that compress and cache better than real ones.
"""

import argparse
import datetime
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillhunt.model.exchange import HOT, column

__all__ = ["hot_rows", "native_jsonl", "nginx_log"]

DAY_US = 86_400_000_000
START = datetime.datetime(2026, 9, 1, tzinfo=datetime.UTC)
START_US = int(START.timestamp()) * 1_000_000
NGINX_CHUNK = 500_000  # lines; about 100 MB of text and as much of parts
NATIVE_CHUNK = 20_000  # rows of about 1.6 kB
HOT_CHUNK = 250_000  # rows; one row group of the lake
ZIPF = 1.05  # exponent of word frequencies; 1 is the textbook value for English
SYLLABLES = np.array([6, 6, 4, 2, 1], dtype=float)  # shares of words with 1 to 5 of them

IntArray = npt.NDArray[np.int64]


class Written(NamedTuple):
    """What a generator wrote."""

    rows: int
    size: int
    seconds: float


def nginx_log(out: Path, rows: int, *, seed: int = 1, addresses: int = 20_000) -> Written:
    """Write *rows* lines of nginx's combined format, in order of time, over one day.

    Drawn per line: address (Zipf over a pool), second, request, status, size, user agent.
    Three in ten lines are POSTs to generation paths; three addresses send bursts above 100 a
    minute. One line in 200 has an escaped quote in its user agent, as scanners send.
    """
    began = time.perf_counter()
    rng = np.random.default_rng(seed)
    pools = _nginx_pools(addresses)
    with out.open("wb") as file:
        for first, size in _chunks(rows, NGINX_CHUNK):
            seconds = _sorted_seconds(rng, first, size, rows)
            _write_strings(file, _nginx_lines(rng, seconds, pools))
    return Written(rows, out.stat().st_size, time.perf_counter() - began)


class _NginxPools(NamedTuple):
    addresses: pa.Array
    weights: npt.NDArray[np.float64]
    requests: pa.Array
    agents: pa.Array
    sizes: pa.Array


def _nginx_pools(addresses: int) -> _NginxPools:
    v4 = [f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}" for i in range(1, addresses + 1)]
    for i in range(0, addresses, 10):
        v4[i] = f"2001:db8:{i:x}::1"
    posts = ["/v1/messages", "/v1/chat/completions", "/v1/responses", "/v1/embeddings"]
    gets = [f"/static/app.{i:04x}.js" for i in range(200)]
    gets += [f"/docs/page-{i}?ref={i * 7919 % 1000}" for i in range(500)]
    requests = [f'"POST {p} HTTP/1.1" {s} ' for p in posts for s in _statuses(75)]
    requests += [f'"GET {p} HTTP/1.1" {s} ' for p in gets for s in _statuses(1)]
    agents = [f' "-" "python-requests/2.{i}.0"\n' for i in range(30)]
    agents += [
        f' "https://www.example.com/" "Mozilla/5.0 (X11; Linux x86_64; rv:{i}.0) Gecko/20100101 '
        f'Firefox/{i}.0"\n'
        for i in range(70, 139)
    ]
    agents += [' "-" "a \\x22quoted\\x22 \\x5C agent"\n']
    weights = 1 / np.arange(1, addresses + 1) ** 0.9
    return _NginxPools(
        pa.array(v4),
        np.cumsum(weights) / weights.sum(),
        pa.array(requests),
        pa.array(agents),
        pa.array([str(n) for n in range(10_000)]),
    )


def _statuses(n: int) -> list[int]:
    return [200] * n + ([429, 500, 401] if n > 1 else [])


def _nginx_lines(rng: np.random.Generator, seconds: IntArray, pools: _NginxPools) -> pa.Array:
    n = len(seconds)
    who = np.searchsorted(pools.weights, rng.random(n))
    bursting = (seconds % 14_400 < 120) & (rng.random(n) < 0.3)
    who = np.where(bursting, seconds // 14_400 % 3, who)
    stamps, index = np.unique(seconds, return_inverse=True)
    times = pa.array(
        [
            (START + datetime.timedelta(seconds=int(s))).strftime(
                " - - [%d/%b/%Y:%H:%M:%S +0000] "
            )
            for s in stamps
        ]
    )
    posts = 4 * 78
    post = (rng.random(n) < 0.3) | bursting
    request = np.where(
        post, rng.integers(0, posts, n), rng.integers(posts, len(pools.requests), n)
    )
    agent = rng.integers(0, len(pools.agents) - 1, n)
    agent[rng.random(n) < 0.005] = len(pools.agents) - 1
    return pc.binary_join_element_wise(
        pools.addresses.take(pa.array(who)),
        times.take(pa.array(index)),
        pools.requests.take(pa.array(request)),
        pools.sizes.take(pa.array(rng.integers(0, len(pools.sizes), n))),
        pools.agents.take(pa.array(agent)),
        "",
    )


class Vocabulary:
    """Made-up words that sound like words, with the frequencies of a natural language."""

    def __init__(self, rng: np.random.Generator, words: int = 30_000) -> None:
        onsets = [*"bcdfghlmnprstvw", "st", "tr", "pr", "cl", "sh", "th", "ch", "br", "gr"]
        vowels = [*"aeiou", "ea", "ou", "ai", "io"]
        codas = ["", "", "", "n", "r", "s", "t", "l", "nd", "st", "ng"]
        syllables = [o + v + c for o in onsets for v in vowels for c in codas]
        lengths = rng.choice(5, size=words, p=SYLLABLES / SYLLABLES.sum()) + 1
        lengths[:200] = 1  # frequent words are short
        picks = rng.integers(0, len(syllables), (words, 5))
        names = [
            "".join(syllables[s] for s in row[:k]) for row, k in zip(picks, lengths, strict=True)
        ]
        ends = [f"{word}." for word in names[:2000]] + [f"{word}," for word in names[:2000]]
        self.words = pa.array(names + ends + [str(n) for n in range(1000)])
        weights = 1 / np.arange(1, words + 1) ** ZIPF
        weights = np.concatenate([weights * 0.88, np.full(5000, weights.sum() * 0.12 / 5000)])
        self._cumulative = np.cumsum(weights) / weights.sum()

    def texts(self, rng: np.random.Generator, counts: IntArray) -> pa.Array:
        """Return one text for each of *counts* [words], every word drawn afresh."""
        total = int(counts.sum())
        flat = self.words.take(pa.array(np.searchsorted(self._cumulative, rng.random(total))))
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), flat), " ")


def native_jsonl(
    out: Path, rows: int, *, seed: int = 1, accounts: int = 5_000, words: int = 150
) -> Written:
    """Write *rows* lines of the native format, in order of time, with prompts of about 1 kB.

    Every word of every prompt and answer is drawn afresh (30,000 words, Zipf). One row in three
    is a filling of one of 500 templates, as batch jobs send. Answers are about 200 bytes: it is
    the prompt that is sketched.
    """
    began = time.perf_counter()
    rng = np.random.default_rng(seed)
    vocabulary = Vocabulary(rng)
    templates = vocabulary.texts(rng, rng.integers(40, 120, 500))
    names = pa.array([f"acct_{i:08x}" for i in range(accounts)])
    parts = _NativeParts(vocabulary, templates, names)
    con = duckdb.connect(config={"threads": 1})
    with out.open("wb") as file:
        for first, size in _chunks(rows, NATIVE_CHUNK):
            table = _native_rows(rng, (first, size, rows), parts, words)
            con.register("t", table)
            lines = con.sql(
                "SELECT to_json(t)::VARCHAR || chr(10) AS line FROM t"
            ).to_arrow_table()
            for chunk in lines["line"].chunks:
                _write_strings(file, chunk)
    return Written(rows, out.stat().st_size, time.perf_counter() - began)


class _NativeParts(NamedTuple):
    vocabulary: Vocabulary
    templates: pa.Array
    names: pa.Array


def _native_rows(
    rng: np.random.Generator, offsets: tuple[int, int, int], parts: _NativeParts, words: int
) -> pa.Table:
    first, n, rows = offsets
    vocabulary, templates, names = parts
    lengths = np.maximum(3, rng.lognormal(np.log(words) - 0.08, 0.4, n)).astype(np.int64)
    templated = rng.random(n) < 1 / 3
    lengths[templated] = np.maximum(3, lengths[templated] - 80)
    lead = pc.if_else(
        pa.array(templated), templates.take(pa.array(rng.integers(0, len(templates), n))), ""
    )
    prompt = pc.binary_join_element_wise(lead, vocabulary.texts(rng, lengths), " ")
    ts_us = START_US + _sorted_seconds(rng, first, n, rows) * 1_000_000
    ts_us += rng.integers(0, 1000, n)
    ts_us.sort()
    who = (len(names) * rng.random(n) ** 2).astype(np.int64)
    output = rng.lognormal(5, 0.9, n).astype(np.int32)
    return pa.table(
        {
            "ts_us": ts_us,
            "exchange_id": pa.array([f"ex-{i:010d}" for i in range(first, first + n)]),
            "account_id": names.take(pa.array(who)),
            "session_id": pa.array([f"s-{i:08x}" for i in who * 31 + ts_us // 3_600_000_000]),
            "source_ip": pa.array([f"2001:db8:{i:x}::1" for i in who]),
            "user_agent": pa.array(["python-requests/2.32.3"] * n),
            "method": pa.array(["POST"] * n),
            "path": pa.array(["/v1/messages"] * n),
            "status": pa.array(np.where(rng.random(n) < 0.01, 429, 200)),
            "model": pa.array(["m-2"] * n),
            "input_tokens": pa.array(lengths * 4 // 3),
            "output_tokens": pa.array(output),
            "max_tokens": pa.array(np.full(n, 1024)),
            "duration_ms": pa.array(output * 14 + 300),
            "prompt": prompt,
            "output": vocabulary.texts(rng, rng.integers(20, 50, n)),
        }
    )


def hot_rows(
    out: Path, rows: int, *, seed: int = 1, days: int = 7, accounts: int = 275_000
) -> Written:
    """Write a lake of *rows* hot rows without text: all columns, one file a day, zstd-1.

    Numbers are drawn afresh per row. Accounts follow a heavy tail: a tenth of them, the
    pipelines, send six rows in ten and use one template each; the rest have a template of its
    own on nearly every row. *days* folders; row groups of 250,000.
    """
    began = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    (out / "lake.json").write_text(json.dumps({"schema": "stillhunt.lake/1"}) + "\n")
    schema = pa.schema([pa.field(name, _ARROW[column(name).kind]) for name in HOT])
    rng = np.random.default_rng(seed)
    size = 0
    for day in range(days):
        n = rows * (day + 1) // days - rows * day // days
        date = (START + datetime.timedelta(days=day)).date().isoformat()
        folder = out / "hot" / f"day={date}"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"generated-{seed}.parquet"
        with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as writer:
            for first, count in _chunks(n, HOT_CHUNK):
                start = START_US + day * DAY_US
                left, right = start + DAY_US * first // n, start + DAY_US * (first + count) // n
                writer.write_table(_hot_table(rng, (left, right), count, accounts, schema))
        size += path.stat().st_size
    return Written(rows, size, time.perf_counter() - began)


_ARROW = {
    "int64": pa.int64(), "int32": pa.int32(), "int16": pa.int16(), "float32": pa.float32(),
    "bool": pa.bool_(), "string": pa.string(),
}  # fmt: skip


def _hot_table(
    rng: np.random.Generator, span: tuple[int, int], n: int, accounts: int, schema: pa.Schema
) -> pa.Table:
    """Return *n* rows in order of time in *span* [us since epoch]."""
    busy = rng.random(n) < 0.6
    few = accounts // 10
    who = np.where(
        busy, (few * rng.random(n) ** 3).astype(np.int64), rng.integers(few, accounts, n)
    )
    ts_us = np.sort(rng.integers(*span, n))
    output = np.where(busy, rng.lognormal(4, 1, n), rng.lognormal(5.4, 0.8, n)).astype(np.int64)
    drawn: dict[str, Any] = {
        "ts_us": ts_us,
        "exchange_id": _hexes(rng.integers(0, 1 << 62, n), "{:016x}"),
        "account_id": _dictionary(who, "acct_{:08x}"),
        "org_id": _dictionary(who // 3, "org_{:08x}"),
        "key_hash": _dictionary(who, "{:032x}"),
        "session_id": _hexes(who * 64 + rng.integers(0, 8, n), "s{:x}"),
        "source_ip": _dictionary(who * 2 + (rng.random(n) < 0.2), "2001:db8:{0:x}::1", wide=True),
        "template": np.where(busy, _mix(who), _mix(rng.integers(0, 1 << 62, n))),
        "system_template": np.where(rng.random(n) < 0.5, _mix(who % 5000), _mix(who)),
        "prefix_hash": np.where(busy, _mix(who + 7), rng.integers(-(1 << 62), 1 << 62, n)),
        "fill_hash": rng.integers(-(1 << 62), 1 << 62, n),
        "simhash": rng.integers(-(1 << 62), 1 << 62, n),
        "input_tokens": rng.lognormal(6, 1, n).astype(np.int64),
        "output_tokens": output,
        "duration_ms": output * 15 + rng.integers(200, 900, n),
        "ttft_ms": rng.integers(150, 900, n),
        "max_tokens": np.where(busy, 512, 4096),
        "temperature": np.where(busy, 0.0, 1.0),
        "status": np.where(rng.random(n) < 0.01, 429, 200),
        "words": rng.lognormal(4, 1, n).astype(np.int64) + 1,
        "unique_ratio": rng.uniform(0.4, 1, n),
        "word_entropy": rng.uniform(3, 8, n),
        "shingle_entropy": rng.uniform(3, 9, n),
        "turns": rng.integers(1, 12, n),
    }
    fixed = {
        "source": "native", "method": "POST", "path": "/v1/messages", "provider": "example",
        "model": "m-2", "operation": "chat", "finish_reason": "stop", "script": "Latn",
        "user_agent": "python-requests/2.32.3", "sketch_version": 1, "choices": 1, "tools": 0,
        "stream": False, "cached_tokens": 0, "reasoning_tokens": 0,
    }  # fmt: skip
    arrays = []
    for field in schema:
        if field.name in drawn:
            value = drawn[field.name]
            arrays.append(
                pa.array(value).cast(field.type) if isinstance(value, np.ndarray) else value
            )
        elif field.name in fixed:
            arrays.append(pa.repeat(pa.scalar(fixed[field.name], field.type), n))
        else:
            arrays.append(pa.nulls(n, field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def _mix(values: IntArray) -> IntArray:
    """Scramble integers (the finaliser of splitmix64)."""
    z = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))).view(np.int64)


def _hexes(values: IntArray, form: str) -> pa.Array:
    return pa.array([form.format(v) for v in values.tolist()])


def _dictionary(values: IntArray, form: str, *, wide: bool = False) -> pa.Array:
    """Format each distinct value once; *wide* splits it over two groups of an address."""
    distinct, index = np.unique(values, return_inverse=True)
    if wide:
        names = [form.format(v >> 8).replace("::1", f":{v & 255:x}::1") for v in distinct.tolist()]
    else:
        names = [form.format(v) for v in distinct.tolist()]
    return pa.array(names).take(pa.array(index))


def _chunks(rows: int, size: int) -> Iterator[tuple[int, int]]:
    for first in range(0, rows, size):
        yield first, min(size, rows - first)


def _sorted_seconds(rng: np.random.Generator, first: int, n: int, rows: int) -> IntArray:
    """Return *n* seconds of the day for rows first .. first + n of *rows*, ascending."""
    share = (first + np.sort(rng.random(n)) * n) / rows
    return np.minimum(share * 86_400, 86_399).astype(np.int64)


def _write_strings(file: BinaryIO, strings: pa.Array) -> None:
    """Write the bytes of a whole string array in one go: it holds them end to end."""
    offset_type = np.int64 if strings.type == pa.large_string() else np.int32
    _, offsets, data = strings.buffers()
    ends = np.frombuffer(offsets, dtype=offset_type)
    left, right = ends[strings.offset], ends[strings.offset + len(strings)]
    file.write(memoryview(data)[int(left) : int(right)])


def main() -> None:
    """Write one input and say how large it became."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    makers: dict[str, Callable[..., Written]] = {
        "nginx": nginx_log,
        "native": native_jsonl,
        "hot": hot_rows,
    }
    parser.add_argument("kind", choices=makers)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    done = makers[given.kind](given.out, given.rows, seed=given.seed)
    print(
        f"{done.rows:,} rows, {done.size / 1e6:,.0f} MB in {done.seconds:.1f} s", file=sys.stderr
    )


if __name__ == "__main__":
    main()

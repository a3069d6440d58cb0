"""The folder of a simulation: exchanges, accounts, events, truth.

It appears whole or not at all: it is written beside its place and renamed.
"""

import contextlib
import io
import json
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow.compute as pc
import zstandard

from stillhunt.lab.crowd import Crowd
from stillhunt.lab.moments import NEWEST, release_us
from stillhunt.lab.native import JsonLines
from stillhunt.model.errors import InputError, StillhuntError

__all__ = ["Summary", "write"]

FILES = {"exchanges.jsonl", "exchanges.jsonl.zst", "accounts.jsonl", "events.jsonl", "truth.jsonl"}
MINUTE_US = 60_000_000


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What was written."""

    folder: Path
    exchanges: int
    accounts: int
    attackers: int
    output_tokens: int
    size: int
    """Size of the exchanges' file [bytes]."""
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.folder}: {self.exchanges:,} exchanges of {self.accounts:,} accounts,"
            f" {self.attackers:,} of them attackers; {self.output_tokens:,} output tokens;"
            f" {self.size / 1e6:,.0f} MB in {self.seconds:.0f} s"
        )


def _events(crowd: Crowd) -> list[dict[str, Any]]:
    """Return what everyone saw: models that came out, outages, waves of bans."""
    release = crowd.start_us - 2 * 1440 * MINUTE_US + 900 * MINUTE_US
    events: list[tuple[int, str, str, str | None]] = [
        (release, "model_release", "m-2 becomes available", "m-2")
    ]
    events += [(o.start_us, "outage", "answers fail with 503", None) for o in crowd.outages]
    newest = release_us(crowd.start_us, crowd.days)
    if newest is not None:
        events.append((newest, "model_release", f"{NEWEST} becomes available", NEWEST))
    events += [(w, "ban_wave", "accounts are shut out", None) for w in crowd.waves()]
    return [
        {"ts": str(np.datetime64(ts_us, "us")) + "Z", "kind": kind, "name": name, "model": model}
        for ts_us, kind, name, model in sorted(events, key=lambda e: e[0])
    ]


def write(out: Path, crowd: Crowd, *, compressed: bool) -> Summary:
    """Write *crowd* to the folder *out*, in place of an earlier simulation.

    Raises:
        InputError: *out* holds something else.
        StillhuntError: The folder cannot be written.
    """
    began = time.perf_counter()
    _refuse_strangers(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with _beside(out) as folder:
            rows, tokens, size = _exchanges(folder, crowd, compressed=compressed)
            truth = crowd.truth()
            _lines(folder / "accounts.jsonl", crowd.directory())
            _lines(folder / "events.jsonl", _events(crowd))
            _lines(folder / "truth.jsonl", truth)
    except OSError as error:
        raise StillhuntError(f"cannot write the simulation {out}: {error}") from error
    return Summary(
        folder=out,
        exchanges=rows,
        accounts=len(truth),
        attackers=sum(record["label"] == "attack" for record in truth),
        output_tokens=tokens,
        size=size,
        seconds=time.perf_counter() - began,
    )


def _refuse_strangers(out: Path) -> None:
    """Let an earlier simulation be replaced, and nothing else."""
    if not out.exists():
        return
    if not out.is_dir():
        raise InputError(f"{out} is a file; give a folder for the simulation")
    names = {path.name for path in out.iterdir()}
    if names and not ("truth.jsonl" in names and names <= FILES):
        raise InputError(f"{out} is not empty and holds no simulation; give another folder")


@contextlib.contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """Give a folder beside *out*, which takes its place when all went well."""
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield folder
        folder.chmod(0o755)
        if out.exists():
            out.rename(folder / "earlier")
        folder.rename(out)
        shutil.rmtree(out / "earlier", ignore_errors=True)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _exchanges(folder: Path, crowd: Crowd, *, compressed: bool) -> tuple[int, int, int]:
    """Write the exchanges and return rows, output tokens and bytes."""
    path = folder / ("exchanges.jsonl.zst" if compressed else "exchanges.jsonl")
    rows = tokens = 0
    with path.open("wb") as raw, _packed(raw, compressed=compressed) as file:
        writer = JsonLines(file)
        for table in crowd.batches():
            writer.write(table)
            rows += table.num_rows
            tokens += pc.sum(table["output_tokens"]).as_py() or 0
    return rows, tokens, path.stat().st_size


@contextlib.contextmanager
def _packed(raw: BinaryIO, *, compressed: bool) -> Iterator[BinaryIO]:
    if not compressed:
        yield raw
        return
    with zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=False) as file:
        yield file


def _lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    text = io.StringIO()
    for record in records:
        text.write(json.dumps(record, ensure_ascii=False) + "\n")
    path.write_text(text.getvalue(), encoding="utf-8")

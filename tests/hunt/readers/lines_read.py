"""Read lines with one reader, the way that tests want to."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from stillhunt.hunt.reading import Reading, ReadResult
from stillhunt.hunt.settings import HuntSettings, Identity

SAMPLES = Path(__file__).parents[2] / "samples"
STREAM = "0123abcd"


def samples(name: str) -> list[str]:
    """Return the sample lines in file *name*."""
    return (SAMPLES / name).read_text(encoding="utf-8").splitlines()


def settings(folder: Path, **tables: Any) -> HuntSettings:  # noqa: ANN401 - any table
    """Return settings whose hash key is known, so that fingerprints are."""
    (folder / "hash.key").write_bytes(b"0123456789abcdef0123456789abcdef")
    return HuntSettings(folder=folder, identity=Identity(hash_key="file:hash.key"), **tables)


def read(reader: str, lines: list[str], given: HuntSettings) -> ReadResult:
    """Return what becomes of *lines*, numbered from 1."""
    numbers = pa.array(range(1, len(lines) + 1), pa.int64())
    table = pa.table({"line_number": numbers, "line": pa.array(lines, pa.string())})
    result = Reading(reader, given, STREAM).read(table)
    assert result.lines == result.rows.num_rows + len(result.rejects)
    return result


def rows(result: ReadResult) -> list[dict[str, Any]]:
    """Return the rows without what is unknown."""
    return [
        {name: value for name, value in row.items() if value is not None}
        for row in result.rows.to_pylist()
    ]

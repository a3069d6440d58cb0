"""The quick way through a combined log says what the projection says, line by line."""

import os
import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as hypothesis_settings
from lines_read import samples, settings

from stillhunt.hunt import combined
from stillhunt.hunt.framing import Batch
from stillhunt.hunt.lake.schema import join
from stillhunt.hunt.reading import Reading

PLAIN = (
    "192.0.2.1 - - [28/May/2026:20:26:40 +0000]"
    ' "POST /v1/messages HTTP/1.1" 200 7 "-" "curl/8.5.0"'
)
Row = dict[str, object]


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    return Reading("nginx", settings(tmp_path_factory.mktemp("quick")), "0123abcd")


def batch_of_lines(lines: list[str]) -> Batch:
    raw = "".join(f"{line}\n" for line in lines).encode()
    return Batch(
        first_line=5, next_line=5 + len(lines), end_offset=len(raw), seam=b"", path="a", raw=raw
    )


def both_ways(reading: Reading, lines: list[str]) -> tuple[list[Row], list[Row], int]:
    """Return the rows of the projection, those of the quick way, and how many it read itself."""
    wanted = reading.read(batch_of_lines(lines).lines)
    batch = batch_of_lines(lines)
    plain = reading.quick(batch)
    rest = reading.read(batch.lines) if batch.lines.num_rows else None
    tables = [table for table in (plain, rest.rows if rest else None) if table is not None]
    assert sorted(rest.rejects if rest else []) == wanted.rejects
    return (
        by_line(wanted.rows),
        by_line(join(tables)) if tables else [],
        0 if plain is None else plain.num_rows,
    )


def by_line(rows: pa.Table) -> list[Row]:
    found = [
        {name: value for name, value in row.items() if value is not None}
        for row in rows.to_pylist()
    ]
    return sorted(found, key=lambda row: row["line_number"])


def test_plain_lines_are_read_the_quick_way(reading: Reading) -> None:
    lines = [PLAIN, PLAIN.replace("192.0.2.1", "2001:db8::7"), PLAIN.replace("POST", "GET")]
    wanted, found, quick = both_ways(reading, lines)
    assert (found, quick) == (wanted, 3)


def test_the_samples_have_one_meaning(reading: Reading) -> None:
    wanted, found, quick = both_ways(reading, samples("nginx.log"))
    assert found == wanted
    assert quick > 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("192.0.2.1", "192.0.2.1:4711"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("192.0.2.1", "unix:"),
        ("/v1/messages", "//v1/./messages/?api_key=sk-abcdefgh12345678"),
        ("curl/8.5.0", "-"),
        ("curl/8.5.0", ""),
        ("curl/8.5.0", "Bearer sk-abcdefgh12345678"),
        ("curl/8.5.0", "Zürich 東京 🦊"),
        ("POST ", "- "),
        ("- - [", "- O'Brien smith [ ["),
        ('"curl/8.5.0"', '"curl/8.5.0" "198.51.100.7"'),
        ("+0000", "+0530"),
        ("+0000", "-1130"),
        ("28/May/2026:20:26:40", "29/Feb/2028:23:59:59"),
        ("28/May/2026:20:26:40", "01/Jan/2000:00:00:00"),
        ("28/May/2026:20:26:40", "29/Feb/2000:12:00:00"),
    ],
)
def test_what_is_plain_but_unusual_is_read_alike(reading: Reading, old: str, new: str) -> None:
    wanted, found, quick = both_ways(reading, [PLAIN, PLAIN.replace(old, new), PLAIN])
    assert (found, quick) == (wanted, 3)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("28/May/2026", "29/Feb/2026"),
        ("28/May/2026", "29/Feb/2100"),
        ("28/May/2026", "00/May/2026"),
        ("28/May/2026", "28/may/2026"),
        ("20:26:40", "24:26:40"),
        ("20:26:40", "20:26:60"),
        ("+0000", "+9900"),
        (" 200 ", " 20x "),
        (" 200 ", " 1200 "),
        ("POST /v1/messages HTTP/1.1", ""),
        ("POST /v1/messages HTTP/1.1", r"\x16\x03\x01"),
        ("POST /v1/messages HTTP/1.1", "POST  /v1/messages"),
        ("POST /v1/messages HTTP/1.1", " POST /v1/messages HTTP/1.1"),
        ("POST /v1/messages HTTP/1.1", "POST /v1/messages HTTP/1.1\\"),
        ("curl/8.5.0", 'say \\"hi\\"'),
        ("curl/8.5.0", 'say "hi" there'),
        ("curl/8.5.0", "x" * 3_000),
        ("/v1/messages", "/" + "x" * 3_000),
        ("192.0.2.1", "x" * 70),
        ("192.0.2.1", "203.0.113.80:443 192.0.2.1"),
        ("192.0.2.1 - -", "192.0.2.1 bob -"),
        ('"curl/8.5.0"', '"curl/8.5.0" "a" "b"'),
        ('"curl/8.5.0"', '"curl/8.5.0'),
    ],
)
def test_what_is_odd_goes_the_projections_way(reading: Reading, old: str, new: str) -> None:
    wanted, found, quick = both_ways(reading, [PLAIN, PLAIN.replace(old, new), PLAIN])
    assert (found, quick) == (wanted, 2)


FRAGMENTS = strategies.sampled_from(
    [
        '"',
        "\\",
        " ",
        "-",
        "[",
        "]",
        "28/May/2026:20:26:40 +0000",
        "200",
        "/v1",
        "é",
        "0",
        "\t",
        "::",
    ]
)


@strategies.composite
def near_misses(draw: strategies.DrawFn) -> str:
    """Draw a plain line with a few pieces put in, taken out or replaced."""
    text = PLAIN
    for _ in range(draw(strategies.integers(1, 3))):
        start = draw(strategies.integers(0, len(text)))
        end = min(len(text), start + draw(strategies.integers(0, 4)))
        text = text[:start] + draw(FRAGMENTS | strategies.just("")) + text[end:]
    return text or "-"


@given(strategies.lists(near_misses(), min_size=1, max_size=20))
@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_near_misses_have_one_meaning(reading: Reading, lines: list[str]) -> None:
    wanted, found, _ = both_ways(reading, lines)
    assert found == wanted


def test_thousands_of_different_texts_keep_their_places(reading: Reading) -> None:
    lines = [
        PLAIN.replace("192.0.2.1", f"198.51.{n >> 8}.{n & 255}").replace("8.5.0", f"{n % 977}")
        for n in range(6_000)
    ]
    wanted, found, quick = both_ways(reading, lines)
    assert (found, quick) == (wanted, 6_000)


def test_a_blank_line_leaves_the_batch_to_the_projection() -> None:
    assert combined.read_combined(f"{PLAIN}\n\n".encode(), 1, "s") is None
    assert combined.read_combined(b"", 1, "s") is None


SHORT = """
from stillhunt.hunt.combined import read_combined
for length in (0, 1, 27, 28, 29, 30, 31, 40):
    for quotes in (6, 8):
        found = read_combined(b"x" * length + b'"' * quotes + b"\\n", 1, "s")
        assert found.odd.num_rows == 1, (length, quotes)
"""


def test_a_short_line_makes_the_kernel_read_nothing_beside_it() -> None:
    # Without numba, an index in front of an array is an error, not somebody else's memory.
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", SHORT], env=environment, check=True)

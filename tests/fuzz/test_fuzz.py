"""Ten thousand near misses of every format; ``./dev fuzz`` reads a million of each."""

import dataclasses
import random
from pathlib import Path

import pyarrow as pa
import pytest
from run import FILES, SAMPLES, check_quick, fuzz, main, near_misses

from stillhunt.hunt.framing import Batch
from stillhunt.hunt.reading import Reading
from stillhunt.hunt.settings import HuntSettings
from stillhunt.registry import parts


@pytest.mark.parametrize("reader", FILES)
def test_near_misses_of_a_format_come_out_once_each(reader: str, tmp_path: Path) -> None:
    fuzz(reader, 1_430, seed=20261124, folder=tmp_path)


def test_near_misses_reach_the_quick_way_and_what_it_reads_is_compared(tmp_path: Path) -> None:
    samples = (SAMPLES / FILES["nginx"]).read_text(encoding="utf-8").splitlines()
    lines = [line or "-" for line in near_misses(random.Random(1), samples, 200)]
    reading = Reading("nginx", HuntSettings(folder=tmp_path), "0123abcd")
    table = pa.table({"line_number": range(1, len(lines) + 1), "line": lines})
    wanted = reading.read(table)
    assert check_quick(reading, lines, wanted) > 20
    with pytest.raises(AssertionError):
        check_quick(reading, lines, dataclasses.replace(wanted, rejects=[]))

    class Wrong(Reading):
        def quick(self, batch: Batch) -> pa.Table | None:
            plain = super().quick(batch)
            assert plain is not None
            place = plain.column_names.index("status")
            return plain.set_column(place, "status", pa.array([99] * len(plain), pa.int16()))

    with pytest.raises(AssertionError):
        check_quick(Wrong("nginx", HuntSettings(folder=tmp_path), "0123abcd"), lines, wanted)


def test_a_run_gives_every_reader_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    main(["30"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [[reader, "30"] for reader in FILES]


def test_a_run_can_be_of_one_reader(capsys: pytest.CaptureFixture[str]) -> None:
    main(["40", "ecs", "--seed", "7"])
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split()[:2] == ["ecs", "40"]
    with pytest.raises(SystemExit):
        main(["40", "exc"])
    assert "invalid choice: 'exc'" in capsys.readouterr().err


def test_every_reader_is_given_lines() -> None:
    assert set(FILES) == set(parts("stillhunt.hunt.readers"))

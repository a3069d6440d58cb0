"""Ten thousand near misses of every format; ``./dev fuzz`` reads a million of each."""

from pathlib import Path

import pytest
from run import FILES, fuzz, main

from stillhunt.registry import parts


@pytest.mark.parametrize("reader", FILES)
def test_near_misses_of_a_format_come_out_once_each(reader: str, tmp_path: Path) -> None:
    fuzz(reader, 1_430, seed=20261124, folder=tmp_path)


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

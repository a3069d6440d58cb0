"""Ten thousand near misses of every format; ``./dev fuzz`` reads a million."""

from pathlib import Path

import pytest
from run import FILES, fuzz


@pytest.mark.parametrize("reader", FILES)
def test_near_misses_of_a_format_come_out_once_each(reader: str, tmp_path: Path) -> None:
    fuzz(reader, 1_430, seed=20261124, folder=tmp_path)

"""The live view: who talks most, what was found, and nothing that a terminal would obey."""

import io
from pathlib import Path

import pyarrow as pa
from rich.console import Console
from sweep_kit import SECOND, many
from tail_kit import close_all, tail_of, write

from stillhunt.hunt.tail.view import LiveView, Talkers

NASTY = "\x1b[31m[bold]red\x07\u202e"


def rows(*addresses: str) -> pa.Table:
    return pa.table({"source_ip": list(addresses), "account_id": pa.nulls(len(addresses))})


def test_the_top_is_who_sent_most_of_late() -> None:
    talkers = Talkers()
    talkers.add(rows(*["192.0.2.1"] * 5, *["192.0.2.2"] * 3, "192.0.2.3"))
    assert [name for name, _ in talkers.top("source_ip")] == [
        "192.0.2.1", "192.0.2.2", "192.0.2.3",
    ]  # fmt: skip
    for _ in range(60):
        talkers.fade()
    assert talkers.top("source_ip") == []


def test_many_names_take_no_more_memory() -> None:
    talkers = Talkers()
    for k in range(1_000):
        talkers.add(rows(f"198.51.100.{k % 256}", f"2001:db8::{k:x}", "192.0.2.9"))
    assert len(talkers._counts) <= Talkers.MOST
    assert talkers.top("source_ip")[0][0] == "192.0.2.9"


def test_names_are_drawn_escaped_and_as_plain_text(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    write(log, many(150, step=SECOND // 4, account_id=NASTY))
    file = io.StringIO()
    console = Console(file=file, width=120, force_terminal=False, markup=False)
    view = LiveView(console)
    tail = tail_of(log, folder=tmp_path, watch=view)
    tail.step()
    console.print(view.page(tail, 12_345.0))
    close_all()
    drawn = file.getvalue()
    assert "12,345 lines/s" in drawn
    assert "\\x1b[31m[bold]red\\x07\\u202e" in drawn
    assert "burst_account" in drawn
    assert not {"\x1b", "\x07", "\u202e"} & set(drawn)

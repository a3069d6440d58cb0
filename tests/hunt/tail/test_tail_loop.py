"""The loop: what is said once, what is remembered, and what a person is told."""

import errno
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sweep_kit import DAY, HOUR, MINUTE, NOON, SECOND, exchange, many
from tail_kit import Clock, claims, close_all, followed, nginx_line, settings_in, tail_of, write

from stillhunt.hunt.lake.store import Lake
from stillhunt.hunt.settings import HuntSettings
from stillhunt.hunt.sweep import sweep
from stillhunt.hunt.tail import loop
from stillhunt.hunt.tail.checkpoint import Delivered, read_checkpoint
from stillhunt.hunt.tail.episodes import Episodes, Told, who
from stillhunt.model.errors import ConfigError, InputError
from stillhunt.model.finding import Finding


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_all()


BURST = many(150, step=SECOND // 4)


def said_once(path: Path, state: Path, **more: Any) -> list[Finding]:  # noqa: ANN401
    found, _ = followed(path, state=state, **more)
    return found


def test_a_finding_is_said_once_over_two_runs(tmp_path: Path) -> None:
    log, state = tmp_path / "log.jsonl", tmp_path / "state"
    write(log, BURST)
    first = said_once(log, state)
    assert {f.detector for f in first} >= {"burst", "burst_account", "burst_prefix"}
    write(log, many(50, start=NOON + MINUTE))
    assert said_once(log, state) == []


def test_a_window_that_is_open_at_the_end_of_a_run_is_gone_on_with(tmp_path: Path) -> None:
    log, state = tmp_path / "log.jsonl", tmp_path / "state"
    write(log, BURST[:70])
    assert claims(said_once(log, state)) == set()
    write(log, BURST[70:120])
    assert claims(said_once(log, state)) == claims(followed_alone(tmp_path, BURST[:120]))


def followed_alone(folder: Path, rows: list[Any]) -> list[Finding]:
    write(folder / "alone.jsonl", rows)
    return followed(folder / "alone.jsonl")[0]


def test_it_comes_again_only_where_it_is_graver(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").touch()
    found: list[Finding] = []
    tail = tail_of(tmp_path / "log.jsonl", folder=tmp_path, deliver=found.append)
    for start, n, step in ((0, 150, SECOND // 4), (MINUTE, 1_500, SECOND // 50), (HOUR, 200, 1)):
        write(tmp_path / "log.jsonl", many(n, start=NOON + start, step=step))
        tail.step()
    bursts = [f for f in found if f.detector == "burst"]
    assert len({f.id for f in bursts}) == 1
    assert [int(f.severity) for f in bursts] == [2, 3]


def test_without_a_checkpoint_only_what_comes_is_looked_at(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    write(log, BURST)
    found: list[Finding] = []
    tail = tail_of(log, folder=tmp_path, deliver=found.append, from_start=None)
    tail.step()
    assert found == []
    write(log, many(120, start=NOON + HOUR, step=SECOND // 4))
    tail.step()
    assert {f.detector for f in found} >= {"burst"}
    assert tail.engine.exchanges == 120


def test_lines_that_are_no_exchanges_are_counted_and_listed(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    write(log, many(3))
    with log.open("a") as file:
        file.write("not json\n\n{}\n")
    _, ended = followed(log, state=tmp_path / "state")
    assert (ended.lines, ended.exchanges, ended.rejects) == (6, 3, 3)
    listed = (tmp_path / "state.rejects.jsonl").read_text().splitlines()
    assert [json.loads(line)["line"] for line in listed] == [4, 5, 6]
    assert "not json" not in "".join(listed)


def test_what_comes_too_late_is_in_no_sliding_window_and_is_said(tmp_path: Path) -> None:
    rows = [*many(400, start=NOON + HOUR), *BURST]
    write(tmp_path / "log.jsonl", rows)
    said: list[str] = []
    found, _ = followed(tmp_path / "log.jsonl", say=said.append)
    assert not any(f.detector.startswith("burst") for f in found)
    assert any("150 exchanges came later" in text for text in said)


def test_one_line_from_the_future_does_not_blind_it(tmp_path: Path) -> None:
    rows = [*many(5), exchange(NOON + 400 * DAY), *many(150, start=NOON + MINUTE, step=1_000)]
    write(tmp_path / "log.jsonl", rows)
    said: list[str] = []
    found, _ = followed(tmp_path / "log.jsonl", say=said.append)
    assert "burst" in {f.detector for f in found}
    assert any("ahead of most others" in text for text in said)


def test_days_without_a_line_are_no_line_from_the_future(tmp_path: Path) -> None:
    rows = [exchange(NOON + day * 3 * DAY + k) for day in range(20) for k in range(day % 3 + 1)]
    write(tmp_path / "log.jsonl", rows)
    said: list[str] = []
    followed(tmp_path / "log.jsonl", say=said.append)
    assert not any("ahead" in text or "later" in text for text in said)


def test_a_clock_that_was_wrong_is_set_back_by_the_lines_that_follow(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    write(log, many(1, start=NOON + 400 * DAY))
    found: list[Finding] = []
    tail = tail_of(log, folder=tmp_path, deliver=found.append)
    tail.step()
    write(log, many(10))
    tail.step()
    write(log, many(150, start=NOON + MINUTE, step=1_000))
    tail.step()
    assert "burst" in {f.detector for f in found}


def test_a_log_that_stands_still_is_said_once_until_it_goes_on(tmp_path: Path) -> None:
    log, clock, said = tmp_path / "log.jsonl", Clock(), list[str]()
    write(log, many(1))
    tail = tail_of(
        log, folder=tmp_path, clock=clock, say=said.append,
        settings=settings_in(tmp_path, stalled="60s"),
    )  # fmt: skip
    for _ in range(5):
        tail.step()
        clock.now += 30
    write(log, many(1))
    tail.step()
    assert [t for t in said if "no new line" in t or "goes on" in t] == [
        f"{log}: no new line for 60s", f"{log}: the log goes on",
    ]  # fmt: skip


def test_an_allowed_subject_is_delivered_as_allowed_and_not_counted(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", BURST)
    allow = [{"account_id": "a1", "reason": "agreed"}, {"source_ip": "192.0.2.1", "reason": "r"},
             {"source_prefix": "192.0.2.0/24", "reason": "r"}]  # fmt: skip
    settings = HuntSettings.model_validate({"folder": tmp_path, "allow": allow})
    found, ended = followed(tmp_path / "log.jsonl", settings=settings)
    assert found
    assert all(f.allowed for f in found if f.detector != "cadence")
    assert ended.findings == sum(f.allowed is None for f in found)


def test_the_disk_full_at_a_checkpoint_is_said_and_following_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    write(tmp_path / "log.jsonl", BURST)
    monkeypatch.setattr(loop, "write_checkpoint", full)
    said: list[str] = []
    found, ended = followed(tmp_path / "log.jsonl", state=tmp_path / "state", say=said.append)
    assert found
    assert not ended.is_whole
    assert any("No space left" in text and "goes on" in text for text in said)


def test_a_torn_journal_costs_nothing_but_its_last_line(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", BURST)
    found = said_once(tmp_path / "log.jsonl", tmp_path / "other")
    journal = Delivered(tmp_path / "state")
    journal.add(found[:1])
    with (tmp_path / "state.delivered").open("ab") as file:
        file.write(b'{"id": "to')
    again = Delivered(tmp_path / "state")
    again.add(found[1:2])
    assert set(Delivered(tmp_path / "state").said) == {found[0].id, found[1].id}


def test_a_damaged_checkpoint_is_refused_in_a_sentence(tmp_path: Path) -> None:
    state = tmp_path / "state"
    write(tmp_path / "log.jsonl", BURST)
    said_once(tmp_path / "log.jsonl", state)
    data = bytearray(state.read_bytes())
    for spoilt in (
        data[:-1],
        data[: len(data) // 2],
        b"{}",
        b"\xff" * 40,
        data[:-9] + b"12345678\n",
    ):
        state.write_bytes(bytes(spoilt))
        with pytest.raises(InputError, match="no whole checkpoint"):
            read_checkpoint(state)
    with pytest.raises(InputError, match="remove it to start anew"):
        tail_of(tmp_path / "log.jsonl", folder=tmp_path, state=state)


def test_a_checkpoint_of_another_format_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", BURST)
    said_once(tmp_path / "log.jsonl", tmp_path / "state")
    with pytest.raises(InputError, match="read as native, not as nginx"):
        tail_of("x", folder=tmp_path, reader="nginx", state=tmp_path / "state")


def test_new_files_of_a_glob_are_followed_from_their_beginning(tmp_path: Path) -> None:
    clock, found = Clock(), list[Finding]()
    write(tmp_path / "a.jsonl", many(1))
    tail = tail_of(str(tmp_path / "*.jsonl"), folder=tmp_path, deliver=found.append, clock=clock)
    tail.step()
    write(tmp_path / "b.jsonl", BURST)
    clock.now += 5
    tail.step()
    tail.step()
    assert "burst" in {f.detector for f in found}


def test_the_format_is_recognised_by_what_is_there(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text("".join(nginx_line(k // 4) for k in range(150)))
    found, _ = followed(log, reader=None)
    assert {f.detector for f in found} == {"burst", "burst_prefix"}
    with pytest.raises(InputError, match="name it with --as"):
        tail_of(tmp_path / "absent", folder=tmp_path, reader=None)


@pytest.mark.parametrize(("path", "start"), [("-", None), ("log", False)])
def test_a_lake_wants_whole_files(tmp_path: Path, path: str, start: bool | None) -> None:
    with pytest.raises(ConfigError, match="lake"):
        tail_of(path, folder=tmp_path, lake=tmp_path / "lake", from_start=start)


def test_the_lake_gets_every_line_and_a_sweep_of_it_finds_the_same(tmp_path: Path) -> None:
    log, where = tmp_path / "log.jsonl", tmp_path / "lake"
    write(log, BURST)
    found: list[Finding] = []
    tail = tail_of(
        log, folder=tmp_path, deliver=found.append, lake=where, state=tmp_path / "state",
        from_start=None,
    )  # fmt: skip
    tail.step()
    log.rename(tmp_path / "log.jsonl.1")
    write(log, many(20, start=NOON + HOUR))
    tail.step()
    tail.run(once=True)
    result = sweep(Lake.open(where), settings=settings_in(tmp_path))
    assert result.totals["exchanges"] == 170
    assert claims(found) == claims(result.findings)
    files = (where / "findings").iterdir()
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert {json.loads(line)["id"] for line in lines} == {f.id for f in found}
    again, _ = followed(log, lake=where, state=tmp_path / "state", from_start=None)
    assert again == []
    result = sweep(Lake.open(where), settings=settings_in(tmp_path))
    assert result.totals["exchanges"] == 170


def test_copytruncate_in_a_running_tail_loses_no_line(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    write(log, BURST[:60])
    found: list[Finding] = []
    tail = tail_of(log, folder=tmp_path, deliver=found.append, state=tmp_path / "state")
    tail.step()
    write(log, BURST[60:100])
    shutil.copyfile(log, tmp_path / "log.jsonl.1")
    log.write_text("")
    write(log, BURST[100:])
    ended = tail.run(once=True)
    assert ended.exchanges == 150
    assert "burst" in {f.detector for f in found}


def test_lines_that_came_late_before_midnight_give_no_second_id_after_a_kill(
    tmp_path: Path,
) -> None:
    log, state, found = tmp_path / "log.jsonl", tmp_path / "state", list[Finding]()
    midnight = NOON + 12 * HOUR
    early = many(110, start=midnight - 30 * SECOND, step=SECOND // 4, account_id=None)
    write(log, [])
    tail = tail_of(log, folder=tmp_path, state=state, deliver=found.append)
    tail.checkpoint()
    write(log, early[::2] + many(60, start=midnight, step=SECOND // 3, account_id=None))
    tail.step()
    assert {one.detector for one in found} == {"burst", "burst_prefix"}
    write(log, early[1::2])
    tail.step()
    tail.close()  # killed: no checkpoint since the start
    said = {(one.id, int(one.severity)) for one in found}
    again, _ = followed(log, state=state)
    assert {(one.id, int(one.severity)) for one in again} - said == set()
    assert again == []
    (tmp_path / "state").unlink()
    (tmp_path / "state.delivered").unlink(missing_ok=True)
    anew, _ = followed(log, state=state)
    assert {one.id for one in anew}.isdisjoint(one.id for one in found)  # the case is real


@pytest.mark.parametrize(("days", "is_same"), [(0.9, True), (1.1, False)])
def test_an_episode_of_the_next_day_has_its_own_id_although_another_was_told(
    days: float, is_same: bool
) -> None:
    first = NOON + 11 * HOUR
    told = {who("burst", ("192.0.2.1",)): Told(first, first + HOUR)}
    episodes = Episodes("burst", told)
    start = first + HOUR + int(days * DAY)
    other = Episodes("burst_account", told).at(1, ("192.0.2.1",), start, start)
    assert other.began_us == start
    assert (episodes.at(1, ("192.0.2.1",), start, start).began_us == first) is is_same

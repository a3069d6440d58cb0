"""What waits on disk: bounded, in order, safe against kills and other processes."""

import multiprocessing
import os
import signal
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from stillhunt.desk.items import Item
from stillhunt.desk.spool import LEASE_S, Spool
from stillhunt.model.errors import DeliveryError


class Clock:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_780_000_000.0

    def __call__(self) -> float:
        return self.now


def spool(path: Path, clock: Clock | None = None, **more: Any) -> Spool:  # noqa: ANN401
    told: dict[str, Any] = {"clock": clock or Clock(), "chance": lambda: 0.5} | more
    return Spool(path, **told)


def taken(one: Spool, sink: str = "s") -> Item:
    item = one.take(sink)
    assert item is not None
    return item


def test_an_item_is_given_once_and_gone_when_it_is_delivered(tmp_path: Path) -> None:
    with spool(tmp_path / "spool.db") as one:
        assert one.put("s", "x", 3, "{}")
        item = taken(one)
        assert (item.id, item.payload, item.is_update, item.attempts) == ("x", "{}", False, 0)
        assert one.take("s") is None
        one.delivered(item)
        assert (one.count("s").waiting, one.next_due("s")) == (0, None)


def test_each_sink_has_its_own_queue(tmp_path: Path) -> None:
    with spool(tmp_path / "spool.db") as one:
        one.put("s", "x", 3, "{}")
        one.put("t", "x", 3, "{}")
        one.delivered(taken(one, "s"))
        assert one.count("t").waiting == 1


def test_what_was_told_is_told_again_only_when_it_is_graver(tmp_path: Path) -> None:
    with spool(tmp_path / "spool.db") as one:
        one.put("s", "x", 3, "{}")
        one.delivered(taken(one))
        assert not one.put("s", "x", 3, "{}")
        assert not one.put("s", "x", 2, "{}")
        assert one.take("s") is None
        assert one.put("s", "x", 4, "{}")
        item = taken(one)
        assert (item.severity, item.is_update) == (4, True)


def test_a_newer_state_takes_the_place_of_one_that_waits(tmp_path: Path) -> None:
    with spool(tmp_path / "spool.db") as one:
        one.put("s", "x", 3, "old")
        one.put("s", "x", 4, "new")
        assert one.count("s").waiting == 1
        assert (taken(one).payload, one.take("s")) == ("new", None)


def test_a_graver_state_that_comes_during_a_delivery_is_delivered_after_it(
    tmp_path: Path,
) -> None:
    with spool(tmp_path / "spool.db") as one:
        one.put("s", "x", 3, "old")
        item = taken(one)
        one.put("s", "x", 5, "new")
        one.delivered(item)
        after = taken(one)
        assert (after.payload, after.severity, after.is_update) == ("new", 5, True)


def test_waits_double_up_to_an_hour_and_half_of_each_is_chance(tmp_path: Path) -> None:
    with spool(tmp_path / "a.db", chance=lambda: 0.0) as least:
        assert [least.wait_s(n) for n in (1, 2, 3, 11, 500)] == [2.5, 5, 10, 1_800, 1_800]
    with spool(tmp_path / "b.db", chance=lambda: 1.0) as most:
        assert [most.wait_s(n) for n in (1, 2, 3, 11, 500)] == [5, 10, 20, 3_600, 3_600]


def test_a_failed_item_is_due_after_its_wait_and_not_before(tmp_path: Path) -> None:
    clock = Clock()
    with spool(tmp_path / "spool.db", clock) as one:
        one.put("s", "x", 3, "{}")
        one.failed(taken(one), "refused")
        assert one.next_due("s") == clock.now + 3.75
        clock.now += 3.7
        assert one.take("s") is None
        clock.now += 0.1
        assert taken(one).attempts == 1
        assert one.count("s").reason == "refused"


def test_an_item_that_always_fails_is_parked_and_holds_up_nobody(tmp_path: Path) -> None:
    clock = Clock()
    with spool(tmp_path / "spool.db", clock, attempts=3) as one:
        one.put("s", "poison", 5, "{}")
        one.failed(taken(one), "refused")
        clock.now += 3_600
        one.put("s", "good", 1, "{}")
        assert taken(one).id == "good"  # it has failed less often
        assert one.failed(taken(one), "refused") is False
        clock.now += 3_600
        one.delivered(taken(one))  # the good one, whose lease is over
        assert one.failed(taken(one), "refused again") is True
        clock.now += 1e6
        assert one.take("s") is None
        left = one.count("s")
        assert (left.waiting, left.parked, left.reason) == (0, 1, "refused again")


def test_what_is_parked_can_be_revived(tmp_path: Path) -> None:
    with spool(tmp_path / "spool.db", attempts=1) as one:
        one.put("s", "x", 3, "{}")
        one.failed(taken(one), "refused")
        assert one.revive("s") == 1
        assert taken(one).attempts == 0


def test_a_killed_process_loses_nothing_and_its_item_is_given_again_after_the_lease(
    tmp_path: Path,
) -> None:
    clock = Clock()
    with spool(tmp_path / "spool.db", clock) as one:
        one.put("s", "x", 3, "{}")
        first = taken(one)
    with spool(tmp_path / "spool.db", clock) as one:
        clock.now += LEASE_S - 1
        assert one.take("s") is None
        clock.now += 1
        again = taken(one)
        assert again.id == "x"
        one.failed(first, "late word of the first")  # it no longer has the item
        assert one.count("s").reason == ""
        one.delivered(again)


def test_what_was_taken_and_not_tried_can_be_given_back(tmp_path: Path) -> None:
    with spool(tmp_path / "spool.db") as one:
        one.put("s", "x", 3, "{}")
        one.release(taken(one))
        assert taken(one).attempts == 0


def test_in_a_full_spool_only_less_grave_items_give_way_and_it_is_counted(tmp_path: Path) -> None:
    clock = Clock()
    with spool(tmp_path / "spool.db", clock, limit_bytes=30) as one:
        for number, severity in enumerate((4, 2, 2)):
            clock.now += 1
            one.put("s", f"x{number}", severity, "x" * 10)
        with pytest.raises(DeliveryError, match=r"is full \(30 bytes\).*x3, which was not kept"):
            one.put("s", "x3", 2, "x" * 10)
        one.put("s", "x4", 3, "x" * 10)  # in place of x1, the older of the less grave
        one.put("s", "x2", 2, "y" * 10)  # its own place is free for it
        names = []
        while item := one.take("s"):
            names.append(item.id)
        assert (sorted(names), one.dropped) == (["x0", "x2", "x4"], 1)


def test_the_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with spool(tmp_path / "spool.db") as one:
            one.put("s", "x", 3, "{}")
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert "spool.db" in modes


def test_a_spool_that_others_could_read_is_taken_from_them(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    with spool(path) as one:
        one.put("s", "x", 3, "{}")
        names = sorted(tmp_path.iterdir())
        for name in names:
            name.chmod(0o666)
        with spool(path) as other:
            assert other.count("s").waiting == 1
            assert {stat.S_IMODE(name.stat().st_mode) for name in names} == {0o600}
    assert len(names) == 3
    path.chmod(0o666)
    spool(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_spool_that_is_a_link_or_no_file_is_refused(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.touch(0o644)
    for name in ("spool.db", "other.db-wal"):
        (tmp_path / name).symlink_to(victim)
    with pytest.raises(DeliveryError, match=r"spool\.db: it is a link; name the file itself"):
        spool(tmp_path / "spool.db")
    (tmp_path / "other.db").touch(0o600)
    with pytest.raises(DeliveryError, match="it is a link"):
        spool(tmp_path / "other.db")
    assert stat.S_IMODE(victim.stat().st_mode) == 0o644
    assert victim.read_bytes() == b""
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(DeliveryError, match="it is no file"):
        spool(tmp_path / "fifo")


def test_a_spool_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool(tmp_path / "spool.db").close()
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(DeliveryError, match=f"user {owner} owns it; only its owner may use it"):
        spool(tmp_path / "spool.db")


def test_a_second_connection_does_not_end_the_locks_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with spool(tmp_path / "spool.db"):
        opened: list[object] = []
        monkeypatch.setattr(os, "open", lambda *told: opened.append(told))
        spool(tmp_path / "spool.db").close()
    assert opened == []


def test_an_older_state_that_comes_again_does_not_hide_a_graver_one(tmp_path: Path) -> None:
    with spool(tmp_path / "spool.db") as one:
        one.put("s", "x", 4, "new")
        one.put("s", "x", 3, "old")
        item = taken(one)
        assert (item.payload, item.severity) == ("new", 4)


def test_a_repeat_during_a_delivery_is_no_second_one(tmp_path: Path) -> None:
    with spool(tmp_path / "spool.db") as one:
        one.put("s", "x", 3, "{}")
        item = taken(one)
        one.put("s", "x", 3, "{}")
        assert one.take("s") is None
        one.delivered(item)
        assert (one.take("s"), one.count("s").waiting) == (None, 0)


def test_a_full_disk_is_said_in_a_sentence_and_what_was_kept_is_whole(tmp_path: Path) -> None:
    with spool(tmp_path / "spool.db") as one:
        one.put("s", "x", 3, "{}")
        pages = one._con.execute("PRAGMA page_count").fetchone()[0]
        one._con.execute(f"PRAGMA max_page_count = {pages + 1}")
        with pytest.raises(DeliveryError, match=r"cannot keep y in the spool .*full"):
            one.put("s", "y", 3, "y" * 100_000)
        assert one.count("s").waiting == 1
        one.delivered(taken(one))


def test_a_file_that_is_no_spool_is_named(tmp_path: Path) -> None:
    (tmp_path / "spool.db").write_text("not a database, and long enough to be one" * 50)
    with pytest.raises(DeliveryError, match=r"cannot open the spool .*spool\.db: "):
        spool(tmp_path / "spool.db")
    with pytest.raises(DeliveryError, match="cannot open the spool"):
        spool(tmp_path / "spool.db" / "below.db")


def _put_many(path: Path, name: str) -> None:
    with Spool(path) as one:
        for i in range(60):
            one.put("s", f"{name}{i}", 3, "{}")


def _take_many(path: Path, out: Path) -> None:
    with Spool(path) as one, out.open("w") as file:
        while item := one.take("s"):
            file.write(item.id + "\n")
            one.delivered(item)


def _together(target: Any, *arguments: tuple[Any, ...]) -> None:  # noqa: ANN401 - a function
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=target, args=given) for given in arguments]
    for one in both:
        one.start()
    for one in both:
        one.join(120)
    assert [one.exitcode for one in both] == [0] * len(both)


def test_two_processes_at_once_neither_lose_nor_double_anything(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    _together(_put_many, (path, "a"), (path, "b"))
    _together(_take_many, (path, tmp_path / "1"), (path, tmp_path / "2"))
    got = (tmp_path / "1").read_text().split() + (tmp_path / "2").read_text().split()
    assert sorted(got) == sorted(f"{name}{i}" for name in "ab" for i in range(60))


def _put_until_killed(path: Path, told: Path) -> None:
    with Spool(path) as one, told.open("w") as file:
        for i in range(1_000_000):
            one.put("s", f"x{i}", 3, "{}")
            file.write(f"x{i}\n")
            file.flush()
            if i == 40:
                os.kill(os.getpid(), signal.SIGKILL)


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    path, told = tmp_path / "spool.db", tmp_path / "told"
    context = multiprocessing.get_context("spawn")
    victim = context.Process(target=_put_until_killed, args=(path, told))
    victim.start()
    victim.join(120)
    assert victim.exitcode == -signal.SIGKILL
    with Spool(path) as one:
        found = set()
        while item := one.take("s"):
            found.add(item.id)
    assert found >= set(told.read_text().split())


class Interleavings(RuleBasedStateMachine):
    """Whatever happens in whatever order, each item is delivered or still there."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "spool.db"
        self.spool = Spool(path, clock=self.clock, chance=lambda: 0.5, attempts=3)
        self.spool._con.execute("PRAGMA synchronous = OFF")  # no power is cut here
        self.put_once: set[str] = set()
        self.got: dict[str, int] = {}
        self.open: list[Item] = []

    @rule(number=strategies.integers(0, 4), severity=strategies.integers(1, 5))
    def put(self, number: int, severity: int) -> None:
        name = f"x{number}"
        wanted = self.got.get(name, 0) < severity
        assert self.spool.put("s", name, severity, "{}") is wanted
        self.put_once.add(name)

    @rule()
    def take(self) -> None:
        if item := self.spool.take("s"):
            self.open.append(item)

    @precondition(lambda self: self.open)
    @rule()
    def deliver(self) -> None:
        item = self.open.pop(0)
        self.spool.delivered(item)
        self.got[item.id] = max(self.got.get(item.id, 0), item.severity)

    @precondition(lambda self: self.open)
    @rule()
    def fail(self) -> None:
        self.spool.failed(self.open.pop(), "refused")

    @precondition(lambda self: self.open)
    @rule()
    def crash(self) -> None:
        self.open.clear()

    @rule(seconds=strategies.sampled_from([1, 10, LEASE_S, 4_000]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def revive(self) -> None:
        self.spool.revive("s")

    @invariant()
    def nothing_is_lost(self) -> None:
        rows = self.spool._con.execute("SELECT id, length(payload) FROM item").fetchall()
        assert {name for name, _ in rows} | set(self.got) == self.put_once
        (held,) = self.spool._con.execute("SELECT bytes FROM held").fetchone()
        assert held == sum(size for _, size in rows)

    def teardown(self) -> None:
        self.spool.close()
        self.folder.cleanup()


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = hypothesis_settings(
    max_examples=25, stateful_step_count=25, deadline=None
)


def test_a_wall_clock_that_is_set_back_holds_nothing_up(tmp_path: Path) -> None:
    clock = Clock()
    with spool(tmp_path / "spool.db", clock) as one:
        one.put("s", "held", 3, "{}")
        taken(one)  # and killed
        one.put("s", "waits", 3, "{}")
        clock.now -= 7 * 365 * 86_400.0
        due = one.next_due("s")
        assert due is not None
        assert due <= clock.now
        assert {taken(one).id, taken(one).id} == {"held", "waits"}
        assert one.take("s") is None  # each is leased, by the clock of now


def test_what_waits_as_long_as_anything_may_is_not_due(tmp_path: Path) -> None:
    clock = Clock()
    with spool(tmp_path / "spool.db", clock, chance=lambda: 1.0) as one:
        one.put("s", "x", 3, "{}")
        for _ in range(12):
            one.failed(taken(one), "down")
            clock.now += 3_600.0
        one.failed(taken(one), "down")
        assert one.next_due("s") == clock.now + 3_600.0
        assert one.take("s") is None

"""Findings on their way: first to the disk, then to every sink that wants them."""

import json
import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from desk_kit import Memory, desk, finding
from test_spool import Clock

from stillhunt.desk.courier import IN_HAND_S, LAST_S, Carrier, Courier
from stillhunt.desk.outbox import IN_A_ROW, Outbox, Route, open_spool, routes
from stillhunt.desk.sinks.jsonl import JsonLines
from stillhunt.desk.spool import LEASE_S, Spool
from stillhunt.model.finding import Finding


class Post:
    """An outbox with two sinks that remember, and a clock."""

    def __init__(self, folder: Path, **more: Any) -> None:  # noqa: ANN401 - of the spool
        self.clock = Clock()
        self.one, self.other = Memory(), Memory()
        self.spool = Spool(folder / "spool.db", clock=self.clock, chance=lambda: 0.0, **more)
        self.box = Outbox(
            [Route(name="one", sink=self.one),
             Route(name="other", sink=self.other, min_severity=4)],
            self.spool,
        )  # fmt: skip


@pytest.fixture
def post(tmp_path: Path) -> Any:  # noqa: ANN401 - a generator of Post
    made = Post(tmp_path)
    yield made
    made.spool.close()


def test_each_sink_gets_what_is_grave_enough_for_it_once(post: Post) -> None:
    for severity in (3, 4):
        post.box.deliver(finding(f"a{severity}", severity))
    sent = post.box.flush()
    assert [one.delivered for one in sent.values()] == [2, 1]
    assert post.box.flush()["one"].delivered == 0
    assert post.other.got == [(finding("a4").id, 4, False)]
    assert post.box.is_settled
    assert post.box.report(sent) == ["one: 2 sent", "other: 1 sent"]


def test_a_finding_that_is_found_again_is_not_sent_again(post: Post) -> None:
    for _ in range(3):
        post.box.deliver(finding(severity=4))
        post.box.flush()
    post.box.deliver(finding(severity=5))
    post.box.flush()
    assert post.one.got == [(finding().id, 4, False), (finding().id, 5, True)]


def test_many_at_once_are_kept_like_one_by_one(post: Post) -> None:
    post.box.deliver_all(finding(f"a{i}", 3 + i % 2) for i in range(1_203))
    assert (post.spool.count("one").waiting, post.spool.count("other").waiting) == (1_203, 601)
    post.box.deliver_all([finding(allowed="migration")])
    assert post.spool.count("one").waiting == 1_203


def test_of_many_at_once_those_are_kept_that_fit(tmp_path: Path) -> None:
    post = Post(tmp_path, limit_bytes=1_300)
    post.box.deliver_all(finding(f"a{i}", 3) for i in range(5))
    assert (post.spool.count("one").waiting, post.box.lost) == (3, 2)
    post.spool.close()


def test_an_allowed_finding_is_for_no_sink(post: Post) -> None:
    post.box.deliver(finding(allowed="migration"))
    assert post.box.flush()["one"].delivered == 0


def test_a_sink_that_is_down_keeps_nothing_from_the_other(post: Post) -> None:
    post.one.says = "out of reach"
    for i in range(10):
        post.box.deliver(finding(f"a{i}"))
    sent = post.box.flush()
    assert (sent["one"].failed, sent["one"].is_down) == (IN_A_ROW, True)
    assert sent["other"].delivered == 10
    assert post.box.report(sent)[0] == "one: 0 sent, 10 waiting (out of reach)"
    assert not post.box.is_settled
    post.one.says = ""
    post.clock.now += 10
    assert post.box.flush()["one"].delivered == 10


def test_a_poisoned_item_does_not_hold_up_the_rest_and_is_parked(tmp_path: Path) -> None:
    post = Post(tmp_path, attempts=2)
    bad = finding("bad", 5)
    post.one.poison = {bad.id}
    post.box.deliver(bad)
    for i in range(10):
        post.box.deliver(finding(f"a{i}", 3))
    sent = post.box.flush()["one"]
    assert (sent.delivered, sent.failed, sent.is_down) == (10, 1, False)
    post.clock.now += 10
    again = post.box.flush()
    assert again["one"].parked == 1
    assert "1 parked after 2 tries (no such thing)" in post.box.report(again)[0]
    post.spool.close()


def test_items_that_fail_here_and_there_do_not_make_a_sink_look_dead(post: Post) -> None:
    for i in range(10):
        post.clock.now += 1
        post.box.deliver(finding(f"a{i}", 3))
    post.one.poison = {finding(f"a{i}").id for i in (0, 2, 4, 6)}
    sent = post.box.flush()["one"]
    assert (sent.delivered, sent.failed, sent.is_down) == (6, 4, False)


def test_a_mistake_in_a_sink_is_a_failure_like_any_other(post: Post) -> None:
    post.one.raises = RuntimeError("with a secret in it")
    post.box.deliver(finding())
    assert post.box.flush()["one"].reason == f"{finding().id}: internal error, RuntimeError"


def test_who_is_told_to_end_gives_the_item_back(post: Post) -> None:
    post.one.raises = KeyboardInterrupt()
    post.box.deliver(finding(severity=3))
    with pytest.raises(KeyboardInterrupt):
        post.box.flush()
    assert post.spool.take("one") is not None


def test_what_cannot_be_kept_is_counted_and_nothing_stops(tmp_path: Path) -> None:
    post = Post(tmp_path, limit_bytes=700)
    for i in range(4):
        post.box.deliver(finding(f"a{i}", 3))
    assert post.box.lost == 3
    lines = post.box.report(post.box.flush())
    assert lines[0] == "one: 1 sent"
    assert lines[-1].startswith("3 findings could not be kept: the spool ")
    assert not post.box.is_settled
    post.spool.close()


def test_findings_in_a_full_spool_that_give_way_are_told(tmp_path: Path) -> None:
    post = Post(tmp_path, limit_bytes=700)
    post.box.deliver(finding("a1", 2))
    post.box.deliver(finding("a2", 3))
    assert post.box.report({})[-1] == "1 less grave findings gave way in a full spool"
    post.spool.close()


def test_the_way_from_the_settings_to_a_file(tmp_path: Path) -> None:
    told = desk(tmp_path, '[desk.sinks.f]\nkind = "jsonl"\npath = "out.jsonl"\nmin_severity = 4\n')
    with open_spool(told) as spool:
        box = Outbox(routes(told), spool)
        box.deliver(finding("a1", 3))
        box.deliver(finding("a2", 4))
        assert box.flush()["f"].delivered == 1
    assert (tmp_path / "out.jsonl").read_text().count("\n") == 1


class Slow(Memory):
    """A sink that takes its time for each item."""

    def __init__(self, steady: Clock, takes_s: float) -> None:
        super().__init__()
        self.steady, self.takes_s = steady, takes_s

    def deliver(self, item: Finding, *, update: bool = False) -> None:
        self.steady.now += self.takes_s
        super().deliver(item, update=update)


def test_sinks_take_turns_so_that_a_slow_one_does_not_starve_the_other(post: Post) -> None:
    steady = Clock()
    slow = Slow(steady, 2.0)
    got_before: list[int] = []
    post.box.routes = (
        Route(name="one", sink=slow),
        Route(name="other", sink=post.other),
    )
    for i in range(40):
        post.box.deliver(finding(f"a{i}"))
    post.other.deliver = lambda *_, **__: got_before.append(len(slow.got))  # type: ignore[method-assign]
    post.box.flush(None, steady)
    assert got_before == [1] * 40
    assert len(slow.got) == 40


def test_a_flush_ends_behind_the_item_in_hand_and_says_what_waits(post: Post) -> None:
    steady = Clock()
    post.box.routes = (
        Route(name="one", sink=Slow(steady, 25.0)),
        Route(name="other", sink=post.other),
    )
    for i in range(40):
        post.box.deliver(finding(f"a{i}"))
    sent = post.box.flush(60.0, steady)
    assert post.box.report(sent) == [
        "one: 3 sent, 37 waiting; the time was up: desk send sends the rest",
        "other: 40 sent",
    ]
    assert not post.box.is_settled


def test_each_sink_has_a_turn_even_if_the_first_one_takes_all_the_time(post: Post) -> None:
    steady = Clock()
    post.box.routes = (
        Route(name="one", sink=Slow(steady, 61.0)),
        Route(name="other", sink=post.other),
    )
    for i in range(4):
        post.box.deliver(finding(f"a{i}"))
    sent = post.box.flush(60.0, steady)
    assert [one.delivered for one in sent.values()] == [1, 4]


def test_a_slow_sink_that_fails_is_taken_for_down_over_several_turns(post: Post) -> None:
    steady = Clock()
    slow = Slow(steady, 10.0)
    slow.says = "no answer"
    post.box.routes = (Route(name="one", sink=slow),)
    for i in range(10):
        post.box.deliver(finding(f"a{i}"))
    assert post.box.flush(None, steady)["one"].failed == IN_A_ROW


def test_a_sink_that_is_down_rests_until_its_next_item_is_due(post: Post) -> None:
    one = Carrier(post.box.routes[0], lambda: post.spool, post.clock)
    assert one.once(post.box) == 1.0  # nothing waits: look again in a second
    post.one.says = "out of reach"
    post.box.deliver(finding("a1", 3))
    assert one.once(post.box) == 2.5
    assert one.sent.failed == 1
    post.clock.now += 2.5
    assert one.once(post.box) == 5.0
    post.one.says = ""
    post.clock.now += 5.0
    assert one.once(post.box) == 1.0
    assert (one.sent.failed, one.sent.delivered) == (2, 1)


def test_a_slow_sink_of_a_courier_keeps_nothing_from_the_other(tmp_path: Path) -> None:
    done, waited = threading.Event(), []
    slow, quick = Memory(), Memory()

    def deliver_slowly(*_: object, **__: object) -> None:
        waited.append(done.wait(20))

    def deliver_quickly(item: Finding, **_: object) -> None:
        quick.got.append((item.id, 4, False))
        if len(quick.got) == 40:
            done.set()

    slow.deliver, quick.deliver = deliver_slowly, deliver_quickly  # type: ignore[method-assign]
    ways = [Route(name="slow", sink=slow), Route(name="quick", sink=quick)]
    one = Courier(ways, lambda: Spool(tmp_path / "spool.db"))
    one.deliver_all(finding(f"a{i}") for i in range(40))
    assert done.wait(20)
    one.close()
    assert waited[0]


class Asked(Clock):
    """A steady clock that tells when it was first looked at: the end was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.was_asked = threading.Event()

    def __call__(self) -> float:
        self.was_asked.set()
        return self.now


def test_a_courier_that_is_closed_ends_behind_the_item_in_hand_when_time_is_up(
    tmp_path: Path,
) -> None:
    steady, got = Asked(), []

    def deliver(item: Finding, **_: object) -> None:
        assert steady.was_asked.wait(20)
        steady.now += 3.0
        got.append(item.id)

    sink = Memory()
    sink.deliver = deliver  # type: ignore[method-assign]
    one = Courier(
        [Route(name="one", sink=sink)], lambda: Spool(tmp_path / "spool.db"), steady=steady
    )
    one.deliver_all(finding(f"a{i}") for i in range(40))
    (line,) = one.close()
    assert line == "one: 4 sent, 36 waiting; the time was up: desk send sends the rest"
    assert len(got) == 4
    assert not one.is_settled


def test_a_courier_leaves_an_item_behind_that_is_under_way_for_too_long(tmp_path: Path) -> None:
    times = iter([0.0])
    begun, released = threading.Event(), threading.Event()

    def deliver(*_: object, **__: object) -> None:
        begun.set()
        released.wait(20)

    sink = Memory()
    sink.deliver = deliver  # type: ignore[method-assign]
    one = Courier(
        [Route(name="one", sink=sink)],
        lambda: Spool(tmp_path / "spool.db"),
        steady=lambda: next(times, LAST_S + IN_HAND_S),
    )
    one.deliver(finding())
    assert begun.wait(20)
    lines = one.close()
    released.set()
    assert lines == [
        "one: 0 sent, 1 waiting",
        "one: an item is still under way; it may be sent twice",
    ]
    assert one._carriers[0].has_ended(2 * (LAST_S + IN_HAND_S))


def test_what_is_delivered_twice_around_a_crash_is_sent_once(tmp_path: Path) -> None:
    sink = Memory()
    ways = [Route(name="one", sink=sink)]
    with Spool(tmp_path / "spool.db") as spool:  # it ends before anything is sent
        Outbox(ways, spool).deliver_all([finding("a1"), finding("a1"), finding("a2")])
    for _ in range(2):  # whoever comes next begins at the last checkpoint
        one = courier(tmp_path, sink)
        one.deliver_all([finding("a1"), finding("a2")])
        one.close()
    assert sorted(sink.got) == sorted((finding(n).id, 4, False) for n in ("a1", "a2"))


def courier(folder: Path, sink: Memory) -> Courier:
    way = Route(name="one", sink=sink)
    return Courier([way], lambda: Spool(folder / "spool.db", attempts=3))


def test_a_courier_delivers_behind_its_owners_back_and_says_how_it_went(tmp_path: Path) -> None:
    sink = Memory()
    one = courier(tmp_path, sink)
    for i in range(20):
        one.deliver(finding(f"a{i}"))
    assert one.close() == ["one: 20 sent"]
    assert len({name for name, _, _ in sink.got}) == len(sink.got) == 20
    assert one.is_settled


def test_a_courier_leaves_what_a_dead_sink_did_not_take(tmp_path: Path) -> None:
    sink = Memory()
    sink.says = "out of reach"
    one = courier(tmp_path, sink)
    one.deliver(finding())
    assert one.close()[0] == "one: 0 sent, 1 waiting (out of reach)"
    assert not one.is_settled
    sink.says = ""
    clock = Clock()
    clock.now += 1e9 + LEASE_S
    with Spool(tmp_path / "spool.db", clock=clock) as spool:
        assert Outbox([Route(name="one", sink=sink)], spool).flush()["one"].delivered == 1


def test_a_courier_says_at_once_and_once_that_it_cannot_keep_findings(tmp_path: Path) -> None:
    said: list[str] = []
    sink = Memory()
    sink.says = "out of reach"
    one = Courier(
        [Route(name="one", sink=sink)],
        lambda: Spool(tmp_path / "spool.db", limit_bytes=10),
        say=said.append,
    )
    for i in range(3):
        one.deliver(finding(f"a{i}"))
    assert len(said) == 1
    assert "is full (10 bytes)" in said[0]
    assert "3 findings could not be kept" in one.close()[1]
    assert one.lost == 3


def test_a_courier_says_what_is_wrong_with_its_spool(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    paths = iter([tmp_path / "spool.db"])

    def open_once() -> Spool:
        return Spool(next(paths, tmp_path / "file" / "spool.db"))

    one = Courier([Route(name="one", sink=Memory())], open_once)
    one.deliver(finding())
    lines = one.close()
    assert "1 waiting" in lines[0]
    assert lines[-1].startswith("cannot open the spool")


class Deadly(JsonLines):
    """Delivers, and is killed at the fifth item before anybody can note it."""

    count = 0

    def deliver(self, item: Finding, *, update: bool = False) -> None:
        super().deliver(item, update=update)
        Deadly.count += 1
        if Deadly.count == 5:
            os.kill(os.getpid(), signal.SIGKILL)


def _deliver_and_die(folder: Path) -> None:
    options = JsonLines.Options.model_validate({"path": folder / "out.jsonl"})
    with Spool(folder / "spool.db") as spool:
        box = Outbox([Route(name="f", sink=Deadly(options))], spool)
        for i in range(12):
            box.deliver(finding(f"a{i}"))
        box.flush()


def test_a_kill_between_delivering_and_noting_it_loses_nothing_and_repeats_one(
    tmp_path: Path,
) -> None:
    victim = multiprocessing.get_context("spawn").Process(target=_deliver_and_die, args=[tmp_path])
    victim.start()
    victim.join(120)
    assert victim.exitcode == -signal.SIGKILL
    options = JsonLines.Options.model_validate({"path": tmp_path / "out.jsonl"})
    with Spool(tmp_path / "spool.db", clock=lambda: time.time() + LEASE_S) as spool:
        Outbox([Route(name="f", sink=JsonLines(options))], spool).flush()
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    names = [json.loads(line)["id"] for line in lines]
    assert set(names) == {finding(f"a{i}").id for i in range(12)}
    assert len(names) == 13

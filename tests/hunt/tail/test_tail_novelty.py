"""Templates that nobody sent before: from one account, and from many at once."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from sweep_kit import DAY, HOUR, NOON, SECOND
from tail_kit import close_all, followed, write

from stillhunt.hunt.tail import novelty
from stillhunt.hunt.tail.keys import Keyer
from stillhunt.hunt.tail.novelty import NEW, USERS, Novelty
from stillhunt.model.finding import Finding, Severity

Sent = tuple[int, str | None, int | None]
"""When, account, template."""
LATER = NOON + DAY


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_all()


def fed(watcher: Novelty, sent: Sequence[Sent], size: int = 10**9) -> list[Finding]:
    """Give *sent* to *watcher*, *size* at once; return what was found."""
    schema = pa.schema(
        [("ts_us", pa.int64()), ("account_id", pa.string()), ("template", pa.int64())]
    )
    found: list[Finding] = []
    for start in range(0, len(sent), size):
        columns = zip(*sent[start : start + size], strict=True)
        rows = dict(zip(schema.names, map(list, columns), strict=True))
        found += watcher.observe(pa.table(rows, schema), None)
    return found


def learned() -> Novelty:
    """Return a watcher that has learned for a day, from one account with one template."""
    watcher = Novelty(Keyer(1))
    fed(watcher, [(NOON, "old", 7)])
    return watcher


def brings(n: int, account: str = "a1", start: int = LATER, first: int = 1_000) -> list[Sent]:
    return [(start + k * SECOND, account, first + k) for k in range(n)]


def share(n: int, template: int = -5, start: int = LATER, first: int = 0) -> list[Sent]:
    return [(start + k * SECOND, f"u{first + k}", template) for k in range(n)]


def test_an_account_that_brings_many_new_templates_is_named() -> None:
    (found,) = fed(learned(), brings(NEW + 1))
    assert found.subject == {"account_id": "a1", "sign": "many_new"}
    assert (found.detector, found.family) == ("template_novelty", "content")
    assert found.severity == Severity.INFORMATIONAL
    assert (found.statistic, found.n, found.evidence) == (NEW + 1, NEW + 1, {"bound": NEW})
    assert (found.first_seen_us, found.last_seen_us) == (LATER, LATER + NEW * SECOND)


def test_a_template_that_is_sudden_everywhere_is_named() -> None:
    (found,) = fed(learned(), share(USERS + 1))
    assert found.subject == {"template": "-5", "sign": "sudden"}
    assert (found.statistic, found.evidence) == (USERS + 1, {"bound": USERS})
    assert found.severity == Severity.INFORMATIONAL


def test_at_the_bounds_nothing_is_said() -> None:
    assert fed(learned(), brings(NEW)) == []
    assert fed(learned(), share(USERS)) == []


@pytest.mark.parametrize("size", [1, 3, 200, 1_000])
def test_how_lines_fall_into_batches_changes_nothing(size: int) -> None:
    sent = sorted([*brings(NEW + 5), *share(USERS + 5)], key=lambda one: one[0])
    whole, parts = fed(learned(), sent), fed(learned(), sent, size)
    assert {f.id for f in whole} == {f.id for f in parts}
    assert len(parts) == 2


def test_nothing_is_new_before_a_day_has_been_learned() -> None:
    watcher = Novelty(Keyer(1))
    young = [*brings(300, start=NOON), *share(50, start=NOON + DAY - HOUR)]
    assert fed(watcher, young) == []
    at_the_edge = brings(NEW + 2, first=5_000, start=NOON + DAY - 1)
    assert fed(watcher, at_the_edge[:-1], size=1) == []
    assert fed(watcher, at_the_edge[-1:]) != []
    early = Novelty(Keyer(1))
    fed(early, [(NOON, "old", 7)])
    last_moment = [(NOON + DAY - 1, "a1", 1_000 + k) for k in range(NEW + 1)]
    assert fed(early, last_moment) == []


def test_what_somebody_sent_before_is_not_new() -> None:
    watcher = learned()
    fed(watcher, brings(NEW + 1, account="a1"))
    assert fed(watcher, brings(NEW + 1, account="a2", start=LATER + HOUR)) == []
    assert fed(watcher, [(LATER + k, "a3", 7) for k in range(1_000)]) == []


def test_a_template_that_is_a_day_old_is_not_sudden() -> None:
    watcher = learned()
    fed(watcher, share(1))
    late: list[Sent] = [(LATER + DAY, f"v{k}", -5) for k in range(USERS + 1)]
    assert fed(watcher, late) == []
    watcher = learned()
    fed(watcher, share(1))
    assert fed(watcher, [(LATER + DAY - 1, account, t) for _, account, t in late]) != []


def test_new_templates_count_within_a_day() -> None:
    watcher = learned()
    fed(watcher, brings(NEW))
    assert fed(watcher, brings(NEW, start=LATER + DAY, first=5_000)) == []
    watcher = learned()
    fed(watcher, brings(NEW))
    assert fed(watcher, brings(1, start=LATER + DAY - 1, first=5_000)) != []


def test_one_account_that_sends_a_template_often_is_one_user() -> None:
    assert fed(learned(), [(LATER + k, "a1", -5) for k in range(100)]) == []


def test_it_is_said_once_in_a_day() -> None:
    watcher = learned()
    assert len(fed(watcher, [*brings(3 * NEW), *share(3 * USERS)], size=50)) == 2


def test_unknown_templates_and_accounts_are_passed_over() -> None:
    sent: list[Sent] = [(LATER + k, None, k) for k in range(500)]
    sent += [(LATER + k, f"u{k}", None) for k in range(500)]
    assert fed(learned(), sent) == []
    assert list(learned().observe(pa.table({"ts_us": [LATER]}), None)) == []


@pytest.mark.parametrize(
    "sent",
    [
        share(500),  # the sample prompt of a new SDK, or a launch
        brings(500),  # an evaluation suite, or somebody who types for weeks in a day
    ],
    ids=["launch", "evaluation"],
)
def test_look_alikes_are_found_and_it_is_no_more_than_informational(sent: list[Sent]) -> None:
    assert {f.severity for f in fed(learned(), sent)} == {Severity.INFORMATIONAL}


def test_the_state_comes_back() -> None:
    sent = sorted([*brings(NEW + 1), *share(USERS + 1)], key=lambda one: one[0])
    watcher, again = learned(), Novelty(Keyer(1))
    before = fed(watcher, sent[:-30])
    again.restore(watcher.told(), watcher.arrays())
    after = fed(again, sent[-30:])
    assert {f.id for f in before + after} == {f.id for f in fed(learned(), sent)}
    assert after
    assert fed(again, brings(NEW + 1, account="a2", start=LATER + HOUR)) == []


def test_memory_is_bounded_whoever_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novelty, "MOST", 1_000)
    watcher = learned()
    for k in range(200):
        start = LATER + k * SECOND
        fed(watcher, [(start + j, f"u{k}-{j}", k * 100 + j) for j in range(50)])
        assert len(watcher.templates.keys) == len(watcher.templates.times) <= 1_000
        assert len(watcher.pairs.keys) <= 1_000
        assert len(watcher.counts) <= 100
    newest = watcher.templates.times.min()
    assert newest > LATER + 150 * SECOND  # the older ones were forgotten


def test_templates_of_a_log_are_watched_from_the_second_day_on(tmp_path: Path) -> None:
    rows = [
        {
            "ts_us": ts,
            "account_id": account,
            "template": template,
            "path": "/v1/messages",
        }
        for ts, account, template in [(NOON, "old", 7), *brings(NEW + 1)]
    ]
    write(tmp_path / "log.jsonl", rows)
    found, _ = followed(tmp_path / "log.jsonl")
    assert {f.subject.get("sign") for f in found if f.detector == "template_novelty"} == {
        "many_new"
    }

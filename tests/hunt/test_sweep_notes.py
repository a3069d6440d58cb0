"""What a sweep says about the logs themselves."""

import pytest
from sweep_kit import DAY, MINUTE, NOON, MemoryLake, exchange, many, swept

from stillhunt.hunt.sweep_notes import far_ahead

YEARS = 64 * 365 * DAY
AHEAD = (
    "{} after 2026-03-01T12:16:40Z, far beyond all others; look-back windows end at the last of"
    " them; --until 2026-03-01T12:16:40Z asks without"
)


def test_one_line_of_another_century_is_told() -> None:
    rows = [*many(1001), exchange(NOON + YEARS)]
    assert AHEAD.format("1 exchange lies") in swept(rows).notes
    told = {"volume.requests_per_day": "1000"}
    assert not [f for f in swept(rows, told).findings if f.detector == "volume"]
    asked = swept(rows, told, until_us=NOON + 1000 * 1_000_000)
    assert [f for f in asked.findings if f.detector == "volume"]
    assert not [note for note in asked.notes if "far beyond" in note]


def test_lines_of_two_other_centuries_are_told_together() -> None:
    rows = [*many(1001), *many(1100, start=NOON - MINUTE, step=1)]
    rows += [exchange(NOON + YEARS), exchange(NOON + 2 * YEARS)]
    assert AHEAD.format("2 exchanges lie") in swept(rows).notes


@pytest.mark.parametrize("gap", [DAY, DAY + 1])
def test_a_look_back_later_is_not_yet_far(gap: int) -> None:
    rows = [*many(1001), exchange(NOON + 1000 * 1_000_000 + gap)]
    assert any("far beyond" in note for note in swept(rows).notes) == (gap > DAY)


@pytest.mark.parametrize("body", [1999, 1998])
def test_one_in_a_thousand_is_no_handful(body: int) -> None:
    rows = [*many(body), exchange(NOON + YEARS), exchange(NOON + YEARS)]
    assert any("far beyond" in note for note in swept(rows).notes) == (body == 1999)


def test_a_quiet_log_and_an_empty_one_are_in_order() -> None:
    assert not swept([]).notes
    assert not any("far" in note for note in swept([*many(9), exchange(NOON + YEARS)]).notes)


def test_a_clock_may_say_anything() -> None:
    rows = [*many(1001, start=2**61), exchange(2**62 - 1)]
    with MemoryLake(rows).connect() as con:
        assert f"after {2**61 + 1000 * 1_000_000} us, far" in str(far_ahead(con, DAY))


@pytest.mark.parametrize(("counted", "is_told"), [(1, True), (2, False)])
def test_a_log_of_other_paths_is_told(counted: int, is_told: bool) -> None:
    rows = [*many(counted), *many(198 - counted + 1, start=NOON + DAY // 2, path="/v2/think")]
    said = (
        f"only {counted} of 199 POST requests are on the paths that count (volume.paths and those"
        " of other rules; --set volume.paths=/v1/x names yours)"
    )
    assert (said in swept(rows).notes) == is_told
    assert not swept(rows, {"volume.paths": "/v2/think"}).notes


def test_a_log_without_posts_or_paths_is_not_asked() -> None:
    assert not swept(many(9, path="/about", method="GET")).notes
    assert not swept(many(9, path=None)).notes

"""Cadence as it happens: the detector's two signs, said once, in bounded memory."""

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sweep_kit import HOUR, MINUTE, NOON, SECOND, Row, many, swept
from tail_kit import close_all, followed, line_of, write

from stillhunt.hunt.tail import pace as pacing
from stillhunt.hunt.tail.keys import Keyer
from stillhunt.hunt.tail.pace import Pace
from stillhunt.model.finding import Finding, Severity


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_all()


def fed(
    pace: Pace, times: Sequence[int], account: str | None = "a1", size: int = 10**9
) -> list[Finding]:
    """Give *times* of one account to *pace*, *size* at once; return what was found."""
    found: list[Finding] = []
    for start in range(0, len(times), size):
        part = times[start : start + size]
        rows = {"ts_us": pa.array(part, pa.int64()), "account_id": pa.array([account] * len(part))}
        table = pa.table(rows).cast(
            pa.schema([("ts_us", pa.int64()), ("account_id", pa.string())])
        )
        found += pace.observe(table, None)
    return found


def pace_of(**told: float) -> Pace:
    return Pace(Keyer(1), told)


def every(step: int, n: int, start: int = NOON) -> list[int]:
    return [start + k * step for k in range(n)]


def wavering(n: int, share: float) -> list[int]:
    """Return times whose gaps are by turns *share* longer and shorter than 10 s: a variation of
    exactly *share*."""
    gaps = [10 * SECOND + round((1 if k % 2 else -1) * share * 10 * SECOND) for k in range(n - 1)]
    return [NOON, *(NOON + int(t) for t in np.cumsum(gaps))]


def one_pause(n: int) -> list[int]:
    """Return n dense requests, a pause that dwarfs them, and one request more."""
    dense = every(1, n)
    return [*dense, dense[-1] + 1_000 * HOUR]


def signs(found: Sequence[Finding]) -> list[str]:
    return [str(f.subject["sign"]) for f in found]


def test_a_metronome_has_even_gaps() -> None:
    (found,) = fed(pace_of(), every(MINUTE, 50))
    assert found.subject == {"account_id": "a1", "sign": "even_gaps"}
    assert (found.detector, found.family) == ("cadence", "time")
    assert found.severity == Severity.INFORMATIONAL
    assert (found.statistic, found.n) == (1_000.0, 50)
    assert (found.first_seen_us, found.last_seen_us) == (NOON, NOON + 49 * MINUTE)
    assert found.evidence == {"mean_gap_s": 60.0}


def test_even_gaps_are_those_that_vary_by_less_than_a_tenth() -> None:
    assert signs(fed(pace_of(), wavering(51, 0.099))) == ["even_gaps"]
    assert signs(fed(pace_of(), wavering(51, 0.101))) == []
    # the bound itself is no finding
    assert signs(fed(pace_of(even=1_000.0), every(MINUTE, 51))) == []
    assert signs(fed(pace_of(even=999.9), every(MINUTE, 51))) == ["even_gaps"]


def test_uneven_gaps_are_one_pause_for_more_than_four_hundred_requests() -> None:
    """n gaps, one of which is all the time there is, vary by the root of n - 1."""
    assert signs(fed(pace_of(), one_pause(401))) == []  # 20.0, less what the dense ones take
    assert signs(fed(pace_of(), one_pause(403))) == ["uneven_gaps"]


def test_an_account_is_looked_at_from_its_fiftieth_request_on() -> None:
    assert fed(pace_of(), every(MINUTE, 49)) == []
    assert signs(fed(pace_of(), every(MINUTE, 50))) == ["even_gaps"]
    assert signs(fed(pace_of(min_requests=10), every(MINUTE, 10))) == ["even_gaps"]
    assert fed(pace_of(min_requests=10), every(MINUTE, 9)) == []


@pytest.mark.parametrize("size", [1, 2, 7, 49, 50, 1_000])
def test_how_lines_fall_into_batches_changes_nothing(size: int) -> None:
    rng = random.Random(2)
    times = [NOON + k * 10 * SECOND + rng.randrange(SECOND) for k in range(50)]
    whole, parts = fed(pace_of(), times), fed(pace_of(), times, size=size)
    assert [f.id for f in whole] == [f.id for f in parts] != []
    assert parts[0].statistic == pytest.approx(whole[0].statistic)
    assert parts[0].n == whole[0].n == 50


def test_a_sign_is_said_once() -> None:
    pace = pace_of()
    assert signs(fed(pace, every(MINUTE, 500), size=20)) == ["even_gaps"]
    assert fed(pace, every(MINUTE, 500, NOON + 500 * MINUTE), size=20) == []


def test_who_kept_time_first_and_paused_later_shows_both_signs_once() -> None:
    pace = pace_of()
    times = one_pause(600)
    assert signs(fed(pace, times[:500])) == ["even_gaps"]
    assert signs(fed(pace, times[500:])) == ["uneven_gaps"]
    assert fed(pace, [times[-1] + 1]) == []


def test_somebody_who_types_has_neither_sign() -> None:
    rng = random.Random(3)
    times = list(np.cumsum([int(rng.expovariate(1 / 60) * SECOND) for _ in range(2_000)]) + NOON)
    assert fed(pace_of(), times, size=100) == []


@pytest.mark.parametrize("name", ["cron", "evaluation"])
def test_honest_programs_look_alike_and_it_is_no_more_than_informational(name: str) -> None:
    times = every(5 * MINUTE, 100) if name == "cron" else [*every(1, 500), NOON + 24 * HOUR]
    assert {f.severity for f in fed(pace_of(), times)} == {Severity.INFORMATIONAL}


def test_requests_without_an_account_are_nobodys() -> None:
    assert fed(pace_of(), every(MINUTE, 100), account=None) == []
    assert list(pace_of().observe(pa.table({"ts_us": [NOON]}), None)) == []


def test_a_line_that_comes_late_makes_nobody_conspicuous_and_hides_nobody() -> None:
    pace = pace_of()
    fed(pace, every(MINUTE, 45))
    fed(pace, [NOON])  # leaves a gap out
    assert signs(fed(pace, every(MINUTE, 6, NOON + 45 * MINUTE))) == ["even_gaps"]


def test_requests_of_one_moment_have_no_rhythm() -> None:
    assert fed(pace_of(), [NOON] * 500, size=100) == []


def test_accounts_are_told_apart() -> None:
    pace = pace_of()
    for k in range(60):
        for account in ("a1", "a2"):
            fed(pace, [NOON + k * MINUTE + (account == "a2") * SECOND * (k % 7) * 8], account)
    assert len(pace.keys) == 2
    assert sorted(pace.said.tolist()) == [0, 1]


def test_the_state_comes_back_from_its_arrays() -> None:
    times = every(MINUTE, 80)
    pace, again = pace_of(), pace_of()
    fed(pace, times[:30])
    fed(pace, times[:60], "a2")
    again.restore(pace.told(), pace.arrays())
    assert [f.id for f in fed(again, times[30:])] == [f.id for f in fed(pace_of(), times)]
    assert fed(again, times[60:], "a2") == []


def test_memory_is_bounded_and_the_busiest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "MOST", 100)
    pace = pace_of()
    fed(pace, every(MINUTE, 45), "busy")
    for k in range(1_000):
        fed(pace, [NOON + k], f"a{k}")
        assert len(pace.keys) <= 100
        assert len(pace.keys) == len(pace.times) == len(pace.gaps) == len(pace.said)
    assert signs(fed(pace, every(MINUTE, 5, NOON + 45 * MINUTE), "busy")) == ["even_gaps"]


def ids_of(findings: Sequence[Finding]) -> Mapping[str, str]:
    """Return the id of each sign of ``cadence`` that a tail can say."""
    return {
        f"{f.subject['account_id']} {f.subject['sign']}": f.id
        for f in findings
        if f.detector == "cadence" and f.subject["sign"] in ("even_gaps", "uneven_gaps")
    }


def test_ids_and_figures_are_those_of_a_sweep(tmp_path: Path) -> None:
    rng = random.Random(4)
    rows: list[Row] = [
        *many(120, step=MINUTE, account_id="metronome"),
        *(
            dict(row, ts_us=int(row["ts_us"]) + rng.randrange(SECOND))
            for row in many(500, step=SECOND, account_id="bursty")
        ),
        *many(1, start=NOON + 40 * HOUR, account_id="bursty"),
        *(
            dict(row, ts_us=int(row["ts_us"]) + rng.randrange(30 * SECOND))
            for row in many(120, step=MINUTE, account_id="typist")
        ),
    ]
    rows.sort(key=lambda row: int(row["ts_us"]))
    write(tmp_path / "log.jsonl", rows)
    live, _ = followed(tmp_path / "log.jsonl")
    result = swept(rows, {})
    assert ids_of(live) == ids_of(result.findings)
    assert set(ids_of(live)) == {"metronome even_gaps", "bursty uneven_gaps"}
    figures = {f.id: f.statistic for f in result.findings if f.detector == "cadence"}
    for one in live:
        if one.detector == "cadence":
            assert one.statistic == pytest.approx(figures[one.id], rel=0.02)


def test_bounds_are_those_of_the_detector(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text("".join(line_of(row) + "\n" for row in many(30, step=MINUTE)))
    assert not ids_of(followed(log)[0])
    assert ids_of(followed(log, overrides={"cadence.min_requests": "30"})[0])
    assert not ids_of(followed(log, overrides={"cadence.min_requests": "31"})[0])

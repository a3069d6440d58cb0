"""The sweep as a whole: same question, same answer, whenever it is asked."""

import dataclasses
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from sweep_kit import DAY, HOUR, MINUTE, NOON, MemoryLake, Row, coverage, exchange, many, swept

from stillhunt.hunt.claims import Moment, ask_detector
from stillhunt.hunt.directory import Directory
from stillhunt.hunt.settings import Allow, HuntSettings
from stillhunt.hunt.sweep import sweep
from stillhunt.model.errors import ConfigError, InputError
from stillhunt.model.finding import finding_id

LOW = {"volume.requests_per_day": "10"}
ONLY = ("volume", "burst", "heavy_output", "repetition", "cadence")


def test_a_finding_s_id_is_that_of_the_day_on_which_it_began() -> None:
    rows = many(20, start=NOON, step=HOUR // 2)
    (finding,) = [f for f in swept(rows, LOW).findings if f.detector == "volume"]
    assert finding.id == finding_id("volume", finding.subject, NOON + 5 * HOUR)


def test_an_hourly_sweep_keeps_the_id_past_midnight_and_for_days() -> None:
    rows = many(24 * 4 * 3, start=NOON, step=HOUR // 4)
    ids = set()
    for hour in [4, 5, 11, 12, 13, *range(20, 72, 5)]:
        result = swept(rows, LOW, until_us=NOON + hour * HOUR)
        ids |= {f.id for f in result.findings if f.detector == "volume"}
    assert len(ids) == 1


def test_after_a_day_below_the_bound_it_is_a_new_finding() -> None:
    rows = [*many(11), *many(11, start=NOON + 3 * DAY)]
    now = swept(rows, LOW)
    then = swept(rows, LOW, until_us=NOON + MINUTE)
    ids = [[f.id for f in r.findings if f.detector == "volume"] for r in (then, now)]
    assert len(ids[0]) == len(ids[1]) == 1
    assert ids[0] != ids[1]


def test_with_since_the_begin_is_still_looked_for_before() -> None:
    rows = many(24 * 4 * 3, start=NOON, step=HOUR // 4)
    (whole,) = [f.id for f in swept(rows, LOW).findings if f.detector == "volume"]
    result = swept(rows, LOW, since_us=NOON + 2 * DAY)
    assert [f.id for f in result.findings if f.detector == "volume"] == [whole]
    assert result.period == (NOON + 2 * DAY, rows[-1]["ts_us"])


def test_the_same_lake_gives_the_same_findings() -> None:
    rows = many(300, template=7, step=MINUTE) + many(200, account_id="a2")
    assert swept(rows, LOW).findings == swept(rows[::-1], LOW).findings


def test_nothing_after_until_is_seen() -> None:
    rows = many(12, step=MINUTE)
    at = rows[9]["ts_us"]
    assert not [f for f in swept(rows, LOW, until_us=at).findings if f.detector == "volume"]
    result = swept(rows, LOW, until_us=rows[10]["ts_us"])
    (finding,) = [f for f in result.findings if f.detector == "volume"]
    assert finding.evidence["total_requests"] == 11
    assert result.totals["exchanges"] == 11


def test_until_may_lie_after_the_newest_exchange() -> None:
    rows = many(12)
    assert not [
        f for f in swept(rows, LOW, until_us=NOON + 2 * DAY).findings if f.detector == "volume"
    ]


def test_a_replay_says_when_each_finding_was_first_made() -> None:
    rows = [*many(30, step=10 * MINUTE), *many(101, start=NOON + 5 * HOUR - 1, step=1)]
    result = swept(rows, LOW, replay_us=HOUR)
    first = {f.detector: f.first_alert_us for f in result.findings}
    # The eleventh request comes at 13:40; the burst ends after 17:00, in the last step.
    assert first["volume"] == NOON + 2 * HOUR
    assert first["burst"] == rows[-1]["ts_us"]
    assert {f.first_alert_us for f in swept(rows, LOW).findings} == {None}
    plain = [dataclasses.replace(f, first_alert_us=None) for f in result.findings]
    assert plain == list(swept(rows, LOW).findings)


def test_a_step_sees_what_came_at_its_very_moment() -> None:
    rows = [*many(10, start=NOON - HOUR), exchange(NOON), exchange(NOON + HOUR, source_ip=None)]
    (finding,) = [f for f in swept(rows, LOW, replay_us=HOUR).findings if f.detector == "volume"]
    assert finding.first_alert_us == NOON


def test_the_first_exchange_may_come_at_the_first_step() -> None:
    rows = [exchange(NOON), exchange(NOON + HOUR)]
    told = {"volume.requests_per_day": "0"}
    result = swept(rows, told, replay_us=HOUR)
    assert {f.first_alert_us for f in result.findings if f.detector == "volume"} == {NOON}


def test_a_replay_has_a_positive_step() -> None:
    with pytest.raises(ConfigError, match="step of a replay"):
        swept(many(1), replay_us=0)


def test_an_empty_lake_is_answered_and_finds_nothing() -> None:
    result = swept([], replay_us=HOUR)
    assert (result.findings, result.accounts, result.period) == ((), (), None)
    assert {one.answered for one in result.detectors} == {"no"}
    assert result.totals == {"exchanges": 0, "accounts": 0, "output_tokens": None}
    assert coverage(result, "heavy_output").missing == ("account_id", "output_tokens")


def test_an_access_log_is_answered_partly_and_says_what_is_missing() -> None:
    rows = many(11, account_id=None, output_tokens=None, source="nginx")
    result = swept(rows, LOW)
    volume = coverage(result, "volume")
    assert (volume.answered, volume.findings) == ("partly", 1)
    assert volume.missing == ("account_id", "output_tokens")
    assert coverage(result, "burst").answered == "yes"
    for name in ("heavy_output", "repetition", "cadence", "volume_account", "burst_account"):
        assert coverage(result, name).answered == "no", name
        assert "account_id" in coverage(result, name).missing
    assert result.totals == {"exchanges": 11, "accounts": 0, "output_tokens": None}


def test_a_full_log_is_answered_whole() -> None:
    rows = many(
        11, duration_ms=1, max_tokens=9, template=1, script="Latn", simhash=1, unique_ratio=0.5
    )
    result = swept(rows)
    assert {(one.name, one.answered) for one in result.detectors} >= {(n, "yes") for n in ONLY}
    assert all(one.seconds >= 0 for one in result.detectors)
    assert all(
        "FROM exchanges" in one.sql or "FROM directory" in one.sql for one in result.detectors
    )


def test_the_query_that_is_shown_finds_what_was_found() -> None:
    lake = MemoryLake(many(101, step=1, template=7))
    result = sweep(lake, settings=HuntSettings(), overrides=LOW)
    for one in result.detectors:
        if one.answered != "no":
            rows = lake.connect().execute(one.sql).fetchall()
            assert len(rows) == one.findings, one.name


def test_accounts_stand_at_low_whatever_was_found() -> None:
    result = swept(many(11, output_tokens=100_000), LOW)
    assert [(a["account_id"], a["severity"]) for a in result.accounts] == [("a1", 2)]
    assert max(f.severity for f in result.findings) == 5


def test_allowed_findings_are_counted_and_shown() -> None:
    entry = Allow(account_id="a1", detectors=("volume",), reason="agreed")
    rows = [*many(11), *many(11, account_id="a2")]
    result = swept(rows, LOW, settings=HuntSettings(allow=(entry,)))
    volume = coverage(result, "volume")
    assert (volume.findings, volume.allowed) == (2, 1)
    assert {f.subject["account_id"]: f.allowed for f in result.findings} == {
        "a1": "agreed",
        "a2": None,
    }
    assert [a["account_id"] for a in result.accounts] == ["a2"]


@pytest.mark.parametrize(
    ("known", "directory_org", "is_allowed"),
    [("o1", None, True), ("o2", None, False), (None, "o1", True), ("o1", "o2", False)],
)
def test_an_organisation_is_what_the_directory_says_else_the_logs(
    known: str | None, directory_org: str | None, is_allowed: bool
) -> None:
    entry = Allow(org_id="o1", reason="agreed")
    table = pa.table({"account_id": ["a1"], "org_id": pa.array([directory_org], pa.string())})
    result = swept(
        many(11, org_id=known),
        LOW,
        settings=HuntSettings(allow=(entry,)),
        accounts=Directory(table=table, duplicates=0),
    )
    assert coverage(result, "volume").allowed == int(is_allowed)


def test_mistakes_are_told_before_anything_is_hunted(tmp_path: Path) -> None:
    lake = MemoryLake(many(1))
    settings = HuntSettings(allow=(Allow(account_id="a", detectors=("volum",), reason="r"),))
    with pytest.raises(ConfigError, match="volume"):
        sweep(lake, settings=settings)
    with pytest.raises(ConfigError, match="volume"):
        sweep(lake, settings=HuntSettings(), overrides={"volum.paths": "x"})
    with pytest.raises(InputError):
        sweep(lake, settings=HuntSettings(), accounts=tmp_path / "none")
    assert lake.connections == 0


def test_settings_tell_parameters_too() -> None:
    settings = HuntSettings(detectors={"volume": {"requests_per_day": 10}})
    assert coverage(swept(many(11), settings=settings), "volume").findings == 1
    told = {"volume.requests_per_day": "11"}
    assert coverage(swept(many(11), told, settings=settings), "volume").findings == 0


def test_progress_hears_of_every_step() -> None:
    heard: list[tuple[str, int, int]] = []
    swept(many(1), progress=lambda what, done, total: heard.append((what, done, total)))
    assert heard[-1][1] == heard[-1][2] == len(heard) - 1


class Pairs:
    """A detector in its simplest form: it links accounts of one address."""

    needs = ("account_id",)
    family = "infrastructure"
    query = """SELECT 'a1' AS subject, 'a2' AS peer, 2.5 AS statistic, COUNT(*) AS n,
                      MIN(ts_us) AS first_seen, MAX(ts_us) AS last_seen, 'x' AS shared
               FROM exchanges"""


def test_a_row_with_a_peer_is_a_link() -> None:
    con: duckdb.DuckDBPyConnection = MemoryLake(many(2)).connect()
    question = ask_detector("pairs", dataclasses.dataclass(Pairs)())
    (finding,) = question.find(Moment(con=con, history=con, slices=(), until_us=NOON))
    assert (finding.subject, finding.peer) == ({"account_id": "a1"}, {"account_id": "a2"})
    assert finding.evidence == {"shared": "x"}
    assert finding.severity == 1


def _no_source(rows: list[Row]) -> list[Row]:
    return [{**row, "source": None} for row in rows]


def test_exchanges_of_an_unknown_source_are_swept_too() -> None:
    assert coverage(swept(_no_source(many(11)), LOW), "volume").findings == 1

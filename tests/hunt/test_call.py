"""The notebook's call: what goes in, what comes out, and what is refused before reading."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import stillhunt
from stillhunt.hunt import call
from stillhunt.hunt.settings import Enrich, HuntSettings, Lake
from stillhunt.model.errors import ConfigError, InputError

START_US = 1_790_000_000_000_000


def write(path: Path, n: int, **more: object) -> Path:
    rows = (
        {"ts_us": START_US + i * 1_000_000, "account_id": "a1", "source_ip": "192.0.2.1",
         "method": "POST", "path": "/v1/messages", "output_tokens": 900} | more
        for i in range(n)
    )  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return path


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_findings_come_as_arrow_and_as_pandas(tmp_path: Path) -> None:
    report = stillhunt.hunt(write(tmp_path / "log.jsonl", 120))
    table = report.findings
    assert isinstance(table, pa.Table)
    frame = table.to_pandas()
    assert isinstance(frame, pd.DataFrame)
    volume = frame[frame["detector"] == "volume"].iloc[0]
    assert volume["account_id"] == "a1"
    assert json.loads(volume["evidence"])["total_output_tokens"] == 108_000
    assert volume["first_seen"] == pd.Timestamp(START_US, unit="us", tz="UTC")


def test_accounts_and_campaigns_keep_their_columns_when_empty(tmp_path: Path) -> None:
    report = stillhunt.hunt(write(tmp_path / "log.jsonl", 3))
    assert report.findings.num_rows == report.accounts.num_rows == report.campaigns.num_rows == 0
    assert "account_id" in report.accounts.column_names
    assert report.campaigns.schema.field("accounts").type == pa.list_(pa.string())


def test_several_paths_and_path_objects_are_read(tmp_path: Path) -> None:
    one = write(tmp_path / "one.jsonl", 2)
    two = write(tmp_path / "two.jsonl", 3, account_id="a2")
    report = stillhunt.hunt([one, str(two)])
    assert [i["rows"] for i in report.document["inputs"]] == [2, 3]
    assert report.document["totals"]["accounts"] == 2


@pytest.mark.parametrize(
    "until", [datetime.fromtimestamp(START_US // 1_000_000 + 49, UTC), START_US + 49_000_000]
)
def test_until_ends_the_look_back(tmp_path: Path, until: datetime | int) -> None:
    log = write(tmp_path / "log.jsonl", 120)
    found = stillhunt.hunt(log, until=until, set={"volume.tokens_per_day": 44_999}).findings
    (volume,) = [f for f in found.to_pylist() if f["detector"] == "volume"]
    assert json.loads(volume["evidence"])["total_output_tokens"] == 50 * 900


def test_a_parameter_that_means_nothing_is_refused_before_anything_is_read() -> None:
    with pytest.raises(ConfigError, match=r"volume\.tokens_per_day"):
        stillhunt.hunt("there-is-no-such-file", set={"volume.tokens_per_dya": 1})


def test_a_time_without_a_zone_is_refused(tmp_path: Path) -> None:
    log = write(tmp_path / "log.jsonl", 1)
    with pytest.raises(ConfigError, match="time zone"):
        stillhunt.hunt(log, until=datetime(2026, 10, 12))
    with pytest.raises(ConfigError, match="RFC 3339"):
        stillhunt.hunt(log, until="soon")


def test_a_missing_input_is_an_input_error() -> None:
    with pytest.raises(InputError, match=r"none\.jsonl"):
        stillhunt.hunt("none.jsonl")


def test_a_sweep_sees_only_what_since_and_until_leave(tmp_path: Path) -> None:
    call.ingest(write(tmp_path / "log.jsonl", 100), lake=tmp_path / "lake")
    swept = call.sweep(tmp_path / "lake", since=START_US + 10_000_000, until=START_US + 19_000_000)
    assert swept.document["totals"]["exchanges"] == 10


def test_settings_may_be_given_as_they_are(tmp_path: Path) -> None:
    log = write(tmp_path / "log.jsonl", 3, prompt="say hello to the neighbours")
    settings = HuntSettings(lake=Lake(text="full"), folder=tmp_path)
    stillhunt.hunt(log, lake=tmp_path / "lake", config=settings)
    assert list((tmp_path / "lake" / "cold").rglob("*.parquet"))


def test_no_text_reaches_the_disk_by_default(tmp_path: Path) -> None:
    log = write(tmp_path / "log.jsonl", 3, prompt="xylophone zephyr quixotic")
    stillhunt.hunt(log, lake=tmp_path / "lake")
    kept = [p for p in (tmp_path / "lake").rglob("*") if p.is_file()]
    assert kept
    assert not any(b"xylophone" in p.read_bytes() for p in kept)
    assert not list((tmp_path / "lake" / "cold").rglob("*.parquet"))


def test_accounts_and_events_files_are_checked(tmp_path: Path) -> None:
    log = write(tmp_path / "log.jsonl", 1)
    bad = tmp_path / "accounts.jsonl"
    bad.write_text('{"account_id": "a1"}\n{"tier": "basic"}\n')
    with pytest.raises(InputError, match=r"accounts\.jsonl.*2"):
        stillhunt.hunt(log, accounts=bad)
    events = tmp_path / "events.jsonl"
    events.write_text('{"ts": "2026-10-12T00:00:00Z", "kind": "party", "name": "x"}\n')
    with pytest.raises(InputError, match=r"events\.jsonl.*1"):
        stillhunt.hunt(log, events=events)


def test_what_the_directory_and_the_events_say_stands_in_the_report(tmp_path: Path) -> None:
    log = write(tmp_path / "log.jsonl", 120)
    accounts = tmp_path / "accounts.csv"
    accounts.write_text(
        "account_id,tier,email_domain,seats\na1,basic,trash.example.com,3\na2,x,,\n"
    )
    events = tmp_path / "events.jsonl"
    events.write_text('{"ts": "2026-10-12T00:00:00Z", "kind": "ban_wave", "name": "first"}\n')
    (tmp_path / "disposable.txt").write_text("example.com\n")
    settings = HuntSettings(folder=tmp_path, enrich=Enrich(mail_domains=Path("disposable.txt")))
    document = stillhunt.hunt(log, accounts=accounts, events=events, config=settings).document
    (account,) = document["accounts"]
    assert account["directory"] == {
        "tier": "basic",
        "email_domain": "trash.example.com",
        "seats": "3",
        "email_disposable": "true",
    }
    assert document["events"] == [
        {"ts": "2026-10-12T00:00:00Z", "kind": "ban_wave", "name": "first", "model": None}
    ]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_small_logs_that_begin_alike_are_two(tmp_path: Path, order: tuple[int, int]) -> None:
    paths = [write(tmp_path / "one.jsonl", 1), write(tmp_path / "five.jsonl", 5)]
    document = stillhunt.hunt([paths[i] for i in order]).document
    assert document["totals"]["exchanges"] == 6
    assert sum(one["rows"] for one in document["inputs"]) == 6


def test_sketches_of_an_older_version_are_left_out_and_the_sweep_says_so(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    rows = (
        {"ts_us": START_US + i * 1_000_000, "account_id": "a1", "template": 5, "simhash": 7,
         "sketch_version": 1 + i % 2 * 76}
        for i in range(120)
    )  # fmt: skip
    log.write_text("\n".join(map(json.dumps, rows)))
    document = stillhunt.hunt(log).document
    (low,) = [f for f in document["findings"] if f["detector"] == "repetition"]
    assert low["n"] == 60
    assert "60 exchanges have sketches of a version before 77" in document["notes"][0]


def test_a_sweep_of_a_part_gives_the_same_ids_as_a_sweep_of_the_whole(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    hour = 3_600_000_000
    burst = [
        {"ts_us": START_US + part * 12 * hour + i * 100_000, "source_ip": "192.0.2.1",
         "account_id": "a1", "method": "POST", "path": "/v1/messages", "template": 5,
         "output_tokens": 500, "duration_ms": 900}
        for part in range(6) for i in range(150)
    ]  # fmt: skip
    log.write_text("\n".join(map(json.dumps, burst)))
    call.ingest(log, lake=tmp_path / "lake")
    whole = call.sweep(tmp_path / "lake").document["findings"]
    part = call.sweep(tmp_path / "lake", since=START_US + 30 * hour).document["findings"]
    assert {f["detector"] for f in part} >= {"burst", "cadence", "repetition"}
    assert {f["id"] for f in part} <= {f["id"] for f in whole}


def test_a_burst_that_began_just_before_the_period_is_seen(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    rows = (
        {"ts_us": START_US + i * 250_000, "source_ip": "192.0.2.1", "method": "POST",
         "path": "/v1/messages"}
        for i in range(200)
    )  # fmt: skip
    log.write_text("\n".join(map(json.dumps, rows)))
    call.ingest(log, lake=tmp_path / "lake")
    swept = call.sweep(tmp_path / "lake", since=START_US + 25_000_000).document
    assert "burst" in {f["detector"] for f in swept["findings"]}


def test_a_long_log_is_told_that_volume_looks_at_its_end(tmp_path: Path) -> None:
    log = write(tmp_path / "log.jsonl", 1)
    with log.open("a") as file:
        file.write(json.dumps({"ts_us": START_US + 7 * 86_400_000_000, "account_id": "a2"}) + "\n")
    assert "last 1 days of 7" in stillhunt.hunt(log).document["notes"][0]
    assert stillhunt.hunt(log, replay="1d").document["notes"] == []

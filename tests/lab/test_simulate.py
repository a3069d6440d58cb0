"""Simulations: whole folders or none, the same bytes for the same seed, clear refusals."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest
import zstandard

from stillhunt.hunt.directory import load_directory, load_events
from stillhunt.lab import simulate as module
from stillhunt.lab.arrivals import Arrivals
from stillhunt.lab.crowd import Crowd
from stillhunt.lab.harvesters import Harvesters
from stillhunt.lab.simulate import SIZES, Size, demo_day, simulate
from stillhunt.model.errors import ConfigError, InputError, StillhuntError


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def tiny(out: Path, **more: object) -> module.Summary:
    given: dict[str, Any] = {
        "accounts": 60, "days": 1, "base_rate": 0.05, "campaigns": ("clumsy",), **more
    }  # fmt: skip
    return simulate(out, **given)


def test_a_simulation_has_its_four_files_and_its_sums_are_right(tmp_path: Path) -> None:
    made = tiny(tmp_path / "sim")
    names = {p.name for p in (tmp_path / "sim").iterdir()}
    assert names == {"exchanges.jsonl", "accounts.jsonl", "events.jsonl", "truth.jsonl"}
    rows, truth = read(made.folder / "exchanges.jsonl"), read(made.folder / "truth.jsonl")
    assert len(rows) == made.exchanges
    assert sum(r["output_tokens"] or 0 for r in rows) == made.output_tokens
    assert len(truth) == made.accounts == 60
    assert sum(t["label"] == "attack" for t in truth) == made.attackers == 3
    assert {(t["campaign"], t["kind"]) for t in truth if t["label"] == "attack"} == {
        ("clumsy", "harvester")
    }
    assert {t["campaign"] for t in truth if t["label"] == "benign"} == {None}
    assert {r["account_id"] for r in rows} <= {t["account_id"] for t in truth}
    assert "3 of them attackers" in str(made)


def test_the_hunt_reads_the_directory_and_the_events(tmp_path: Path) -> None:
    made = tiny(tmp_path / "sim")
    assert load_directory(made.folder / "accounts.jsonl").table.num_rows == 60
    kinds = load_events(made.folder / "events.jsonl")["kind"].to_pylist()
    assert kinds == ["model_release", "outage"]


class Wave(Harvesters):
    """Harvesters all of whom are shut out at noon; they remember how they were made."""

    made: ClassVar[list[dict[str, Any]]] = []

    def __init__(self, *, count: int, seed: int, days: int, **more: object) -> None:
        type(self).made.append({"count": count, "days": days, **more})
        super().__init__(name="wave", count=count, seed=seed, days=days, requests=50)

    @property
    def bans(self) -> dict[int, int]:
        return dict.fromkeys(range(self.count), 12 * 3_600_000_000)


def test_campaigns_are_parts_and_share_the_attackers_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_parts", lambda: {"pool": Wave, "wave": Wave})
    assert module.campaign_names() == ("clumsy", "pool", "wave")
    Wave.made.clear()
    made = tiny(
        tmp_path / "sim", base_rate=0.25, days=3, campaigns=("clumsy", "wave"), evasion="dense"
    )
    (given,) = Wave.made
    assert given == {"count": 8, "days": 3, "start_us": given["start_us"], "evasion": "dense"}
    kinds = [e["kind"] for e in read(made.folder / "events.jsonl")]
    assert kinds == ["model_release", "ban_wave", "outage", "model_release"]
    rows = read(made.folder / "exchanges.jsonl")
    shut = {r["account_id"] for r in rows if r["status"] == 403}
    truth = {t["account_id"]: t for t in read(made.folder / "truth.jsonl")}
    assert shut
    assert {truth[a]["campaign"] for a in shut} == {"clumsy"}  # the fake keeps that name
    tiny(tmp_path / "sim", base_rate=0.1, campaigns=())
    assert Wave.made[-1]["count"] == 6  # the pool is usual where there is one
    assert "evasion" not in Wave.made[-1]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        tiny(tmp_path / name, seed=9)
    tiny(tmp_path / "c", seed=10)
    for file in ("exchanges.jsonl", "accounts.jsonl", "events.jsonl", "truth.jsonl"):
        a, b, c = ((tmp_path / n / file).read_bytes() for n in "abc")
        assert a == b
        assert a != c or file == "events.jsonl"


def test_an_earlier_simulation_is_replaced(tmp_path: Path) -> None:
    tiny(tmp_path / "sim")
    made = tiny(tmp_path / "sim", accounts=40)
    assert len(read(made.folder / "truth.jsonl")) == 40
    assert [p.name for p in tmp_path.iterdir()] == ["sim"]


@pytest.mark.parametrize("kind", ["stranger", "simulation with a stranger", "file"])
def test_anything_else_is_left_alone(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / "thesis.txt").write_text("mine")
    if kind == "simulation with a stranger":
        (out / "truth.jsonl").write_text("")
    with pytest.raises(InputError, match=r"another folder|is a file"):
        tiny(out)
    assert "mine" in {p.read_text() for p in tmp_path.rglob("*") if p.is_file()}


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert tiny(tmp_path).exchanges > 0


def test_a_failure_leaves_nothing_behind_and_the_earlier_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tiny(tmp_path / "sim").exchanges

    def full(crowd: Crowd) -> Iterator[pa.Table]:
        yield next(batches(crowd))
        raise OSError(28, "No space left on device")

    batches = Crowd.batches
    monkeypatch.setattr(Crowd, "batches", full)
    with pytest.raises(StillhuntError, match="No space left"):
        tiny(tmp_path / "sim", seed=2)
    assert [p.name for p in tmp_path.iterdir()] == ["sim"]
    assert len(read(tmp_path / "sim" / "exchanges.jsonl")) == before


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"size": "smal"}, "did you mean small"),
        ({"campaigns": ("clumzy",)}, "there is clumsy"),
        ({"days": 0}, "days is 0"),
        ({"accounts": 3}, "accounts is 3"),
        ({"base_rate": 0.9}, "base_rate is 0.9"),
        ({"base_rate": float("nan")}, "base_rate is nan"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_an_argument_that_means_nothing_is_refused(
    tmp_path: Path, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        tiny(tmp_path / "sim", **wrong)
    assert not (tmp_path / "sim").exists()


def test_without_attackers_everyone_is_benign(tmp_path: Path) -> None:
    made = tiny(tmp_path / "sim", base_rate=0.0)
    assert {t["label"] for t in read(made.folder / "truth.jsonl")} == {"benign"}


def test_a_large_size_is_compressed_and_brief(tmp_path: Path) -> None:
    made = tiny(tmp_path / "sim", size="large")
    with zstandard.open(made.folder / "exchanges.jsonl.zst", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    assert len(rows) == made.exchanges
    benign = {t["account_id"] for t in read(made.folder / "truth.jsonl") if not t["campaign"]}
    assert {r["output"] for r in rows if r["account_id"] in benign} == {None}


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_sizes_hold_as_many_exchanges_as_they_say(size: Size) -> None:
    said = {2_000: 220_000, 10_000: 1_900_000, 275_000: 16_000_000}[size.accounts]
    small = 2_000  # accounts; the large sizes are counted on a sample of theirs
    actors = module._actors(size, seed=1, accounts=small, days=size.days, rate=size.base_rate)
    crowd = Crowd(actors=actors, seed=1, start=module.START, days=size.days)
    count = 0
    waiting, _ = crowd._day(-1, [Arrivals.none()] * len(actors))
    for day in range(size.days):
        waiting, today = crowd._day(day, waiting)
        count += sum(len(a) for a in today)
    assert count * size.accounts / small == pytest.approx(said, rel=0.15)


def test_the_demo_is_a_day_of_the_promised_size(tmp_path: Path) -> None:
    out = demo_day(tmp_path / "day")
    rows, truth = read(out / "exchanges.jsonl"), read(out / "truth.jsonl")
    assert len(truth) == 400
    assert 30_000 < len(rows) < 50_000
    assert (out / "exchanges.jsonl").stat().st_size < 60_000_000
    assert len({r["ts_us"] // 86_400_000_000 for r in rows}) == 1
    (his,) = (t["account_id"] for t in truth if t["label"] == "attack")
    mine = [r for r in rows if r["account_id"] == his]
    assert len(mine) > 1_000
    assert sum(r["output_tokens"] or 0 for r in mine) > 10 * 100_000
    everyone = sum(r["output_tokens"] or 0 for r in rows)
    assert sum(r["output_tokens"] or 0 for r in mine) < everyone / 2

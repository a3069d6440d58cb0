"""The numbers behind the pictures are those of the lake."""

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import report_crowd as crowd

from stillhunt.hunt.report import pictures
from stillhunt.hunt.report.panels import Pictures, Spend
from stillhunt.hunt.report.pictures import collect
from stillhunt.hunt.settings import HuntSettings, Price, Prices
from stillhunt.model.exchange import HOT
from stillhunt.model.finding import Finding, Severity

TABLE = crowd.exchanges(days=7, people=12)


@pytest.fixture(scope="module")
def drawn() -> Pictures:
    return collect(crowd.lake(TABLE), crowd.swept(crowd.findings()))


def lake_of(*rows: dict[str, object]) -> duckdb.DuckDBPyConnection:
    kinds = {field.name: field.type for field in crowd.exchanges(days=1, people=1).schema}
    columns = {n: pa.array([row.get(n) for row in rows], kinds[n]) for n in HOT}
    return crowd.lake(pa.table(columns))


def total(name: str) -> int:
    return int(pc.sum(TABLE[name]).as_py())


def test_the_sums_are_those_of_the_lake(drawn: Pictures) -> None:
    assert drawn.who == "account_id"
    assert drawn.requests == TABLE.num_rows
    assert drawn.names == len(set(TABLE["account_id"].to_pylist()))
    assert drawn.output_tokens == total("output_tokens")
    wanted = (3 * total("input_tokens") + 15 * total("output_tokens")) / 1e6
    assert drawn.cost == pytest.approx(wanted)
    assert drawn.assumed == 1.0


def test_the_largest_come_first_with_their_addresses(drawn: Pictures) -> None:
    assert [one.output_tokens for one in drawn.accounts] == sorted(
        (one.output_tokens or 0 for one in drawn.accounts), reverse=True
    )
    first = drawn.accounts[0]
    assert (first.name, first.requests, first.others) == (crowd.HARVESTER, 9_200, 3)
    assert first.main == "203.0.113.66"
    assert len(drawn.accounts) == pictures.TOP
    assert drawn.addresses[0].name == "203.0.113.66"
    assert (drawn.addresses[0].others, drawn.addresses[0].main) == (1, crowd.HARVESTER)


def test_each_suspect_has_its_spend_whatever_its_kind(drawn: Pictures) -> None:
    mine = TABLE.filter(pc.equal(TABLE["account_id"], crowd.HARVESTER))
    spend = drawn.spends["account_id", crowd.HARVESTER]
    assert spend.output_tokens == pc.sum(mine["output_tokens"]).as_py()
    assert spend.first_us == pc.min(mine["ts_us"]).as_py()
    assert spend.last_us == pc.max(mine["ts_us"]).as_py()
    block = drawn.spends["source_prefix", "203.0.113.0/24"]
    inside = pc.starts_with(TABLE["source_ip"], "203.0.113.")
    assert block.requests == pc.sum(inside).as_py()
    assert block.main == crowd.HARVESTER
    assert block.others == 8


def test_traffic_adds_up_to_everything(drawn: Pictures) -> None:
    traffic = drawn.traffic
    assert traffic is not None
    assert sum(sum(one.requests) for one in traffic.series) == TABLE.num_rows
    assert sum(sum(one.output_tokens) for one in traffic.series) == total("output_tokens")
    assert len({len(one.requests) for one in traffic.series}) == 1
    assert traffic.step_us == 2 * crowd.HOUR_US  # the finest that gives 120 steps or fewer
    assert pictures.BINS / 2 < len(traffic.series[0].requests) <= pictures.BINS
    assert traffic.start_us % traffic.step_us == 0
    assert [one.name for one in traffic.series if one.suspect] == [
        crowd.HARVESTER, "batch-6@example.com",
    ]  # fmt: skip
    assert traffic.series[-1].name is None


def test_hours_line_up_with_those_of_everybody(drawn: Pictures) -> None:
    assert drawn.everybody is not None
    assert sum(map(sum, drawn.everybody.days)) == TABLE.num_rows
    mine = drawn.rhythms[0]
    assert mine.name == crowd.HARVESTER
    assert (mine.first_day_us, len(mine.days)) == (crowd.START_US, len(drawn.everybody.days))
    assert [sum(day) > 0 for day in mine.days] == [False, False, False, True, True, True, False]
    assert mine.days[3][0] == 0
    assert mine.days[3][1] > 0


def test_the_burst_stands_in_the_middle_with_its_bound(drawn: Pictures) -> None:
    burst = drawn.bursts[0]
    assert len(burst.per_minute) == 121
    assert max(burst.per_minute) == burst.per_minute[60]
    assert burst.bound == 100
    assert burst.per_minute[60] > burst.bound


def test_entropy_tells_one_template_from_many(drawn: Pictures) -> None:
    assert drawn.scatter is not None
    bits = {one.name: one.entropy for one in drawn.scatter.points}
    assert bits["batch-0@example.com"] == 0.0
    assert bits[crowd.HARVESTER] == pytest.approx(2.0, abs=0.01)
    assert {one.name for one in drawn.scatter.points if one.suspect} == {
        crowd.HARVESTER, "batch-6@example.com",
    }  # fmt: skip


def test_a_log_without_accounts_is_told_by_addresses() -> None:
    known = ("ts_us", "source_ip", "method", "path", "status")
    table = crowd.exchanges(days=2, people=4, known=known)
    found = (crowd.finding("burst", {"source_ip": "203.0.113.66"}, family="time"),)
    made = collect(crowd.lake(table), crowd.swept(found))
    assert made.who == "source_ip"
    assert made.accounts == ()
    assert made.addresses[0].requests == max(one.requests for one in made.addresses)
    assert (made.addresses[0].others, made.output_tokens, made.cost, made.scatter) == (None,) * 4
    assert made.traffic is not None
    assert sum(sum(one.requests) for one in made.traffic.series) == table.num_rows
    assert made.rhythms[0].name == "203.0.113.66"


def test_a_log_that_names_nobody_is_still_counted() -> None:
    table = crowd.exchanges(days=2, people=4, known=("ts_us",))
    made = collect(crowd.lake(table), crowd.swept())
    assert (made.names, made.addresses, made.accounts) == (0, (), ())
    assert made.traffic is not None
    assert [one.name for one in made.traffic.series] == [None]


def test_an_empty_lake_draws_nothing() -> None:
    made = collect(lake_of(), crowd.swept(period=None))
    assert (made.requests, made.traffic, made.everybody, made.accounts) == (0, None, None, ())


def test_without_drawings_only_what_the_terminal_shows_is_asked() -> None:
    made = collect(crowd.lake(TABLE), crowd.swept(crowd.findings()), drawings=False)
    assert made.accounts
    assert made.spends
    assert (made.traffic, made.everybody, made.scatter) == (None, None, None)


def test_prices_of_models_are_told_from_the_assumed_one() -> None:
    prices = Prices(models={"it's": Price(input=1, output=2)}, default=Price(input=10, output=20))
    rows = [
        {
            "ts_us": 1,
            "account_id": "a",
            "model": "it's",
            "input_tokens": 10**6,
            "output_tokens": 10**6,
        },
        {
            "ts_us": 2,
            "account_id": "a",
            "model": "other",
            "input_tokens": None,
            "output_tokens": 10**6,
        },
        {"ts_us": 3, "account_id": "a", "model": None, "input_tokens": 10**6},
    ]
    made = collect(lake_of(*rows), crowd.swept(), HuntSettings(prices=prices))
    assert made.cost == pytest.approx(1 + 2 + 20 + 10)
    assert made.assumed == pytest.approx(30 / 33)
    assert made.accounts[0].cost == pytest.approx(33)
    assert made.output_tokens == 2 * 10**6


def test_a_name_can_be_no_sql() -> None:
    name = "a'; DROP TABLE x; --"
    found: tuple[Finding, ...] = (
        crowd.finding("burst_account", {"account_id": name}, first_seen_us=1, last_seen_us=1),
    )
    made = collect(lake_of({"ts_us": 1, "account_id": name}), crowd.swept(found))
    assert made.accounts[0].name == made.rhythms[0].name == made.bursts[0].name == name
    assert made.bursts[0].bound is None


def test_a_long_period_shows_the_last_month_that_a_name_was_seen() -> None:
    day = 86_400_000_000
    rows: list[dict[str, object]] = [
        {"ts_us": k * day, "account_id": "old" if k < 50 else "new"} for k in range(100)
    ]
    found = (crowd.finding("volume_account", {"account_id": "old"}),)
    made = collect(lake_of(*rows), crowd.swept(found))
    (old,) = made.rhythms
    assert (len(old.days), old.left_out, old.first_day_us) == (31, 19, 19 * day)
    assert made.everybody is not None
    assert made.everybody.left_out == 69


def test_a_subject_that_is_no_column_has_no_figures() -> None:
    found = (crowd.finding("foreign", {"colour": "blue"}, severity=Severity.HIGH),)
    made = collect(lake_of({"ts_us": 1}), crowd.swept(found))
    assert dict(made.spends) == {}


def test_a_block_has_hours_where_no_account_or_address_has_any() -> None:
    found = (crowd.finding("volume_prefix", {"source_prefix": "192.0.2.0/24"}),)
    made = collect(lake_of({"ts_us": 5, "source_ip": "192.0.2.9"}), crowd.swept(found))
    assert [(one.name, one.days[0][0]) for one in made.rhythms] == [("192.0.2.0/24", 1)]
    assert made.spends["source_prefix", "192.0.2.0/24"] == Spend(
        name="192.0.2.0/24", requests=1, input_tokens=None, output_tokens=None, cost=None,
        first_us=5, last_us=5,
    )  # fmt: skip

"""The exported KQL: analysed by Microsoft's own analyser, and executed, whole rows compared."""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from engine_kit import ClickHouse, Duck, Row, difference, opened
from kusto_analyser import analysed
from kusto_engine import Kusto, as_canonical, as_logs, merged
from kusto_tables import as_apim, as_litellm, seen_by_apim, seen_by_litellm, without
from population import TOLD, UNTIL_US, accounts, population

from stillhunt.hunt.export import Asked, ask, targets
from stillhunt.hunt.kusto.asking import DAY_US, Period, ask_kusto, period
from stillhunt.hunt.kusto.tables import TABLES
from stillhunt.hunt.rule import load_rules
from stillhunt.hunt.rule_sql import rule_sql
from stillhunt.model.errors import ExportError

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("clickhouse")]

RULES = load_rules()
KNOWN = {parameter.full_name for rule in RULES for parameter in rule.known_parameters}
SMALL = {name: value for name, value in TOLD.items() if name in KNOWN}
YEAR_US = 366 * DAY_US
REFUSED = {
    ("apim", "signature_reuse"),
    ("litellm", "failover"),
    ("litellm", "signature_reuse"),
}
"""What a table cannot tell."""


def _known(table: pa.Table) -> pa.Table:
    """Return *table* with empty texts unknown, for KQL makes no difference."""
    for number, name in enumerate(table.column_names):
        if table.schema.field(name).type == pa.string():
            empty = pc.equal(table[name], "")
            column = pc.if_else(empty, pa.scalar(None, pa.string()), table[name])
            table = table.set_column(number, name, column)
    return table


EXCHANGES = _known(population())
ACCOUNTS = _known(accounts())


SHORTER = {"more": {"signature_reuse.lookback": "13d"}}
"""What the portals cannot look back at, they can with this."""


def _asked(name: str, more: Mapping[str, str] | None = None, **how: Any) -> Asked:  # noqa: ANN401
    (one,) = ask(RULES, [name], overrides={**SMALL, **(more or {})}, **how)
    return one


@pytest.fixture(scope="module")
def kusto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kusto]:
    with opened("clickhouse", tmp_path_factory.mktemp("kusto")) as click:
        assert isinstance(click, ClickHouse)
        click.load({"APILogs": as_logs(EXCHANGES),
                    "APIAccounts": as_logs(ACCOUNTS, but=("created_at",))})  # fmt: skip
        yield Kusto(click)


def _ours(asked: Asked, over: Period, exchanges: pa.Table | None = None) -> list[Row]:
    """Return what DuckDB answers over the same period; an API's own log has no operation."""
    duck = Duck()
    plain = EXCHANGES if exchanges is None else exchanges
    duck.load({"exchanges": without(plain, "operation"), "directory": ACCOUNTS})
    begin = -1 if over.length_us is None else UNTIL_US - over.length_us
    if over.bin_us:
        begin = begin - begin % over.bin_us - 1
    rows = duck.run(rule_sql(asked.rule, asked.values, begin, UNTIL_US))
    return merged(rows, asked.rule.subject[0]) if asked.rule.window.kind == "sliding" else rows


@pytest.mark.parametrize("name", [rule.name for rule in RULES])
def test_the_exported_query_gives_the_rows_that_the_hunt_gives(name: str, kusto: Kusto) -> None:
    asked = _asked(name, until_us=UNTIL_US)
    over = period(asked, every_us=YEAR_US)
    query = ask_kusto(asked, over)
    theirs = as_canonical(kusto.run(query.text), query.columns)
    ours = _ours(asked, over)
    assert ours, "a comparison of nothing proves nothing"
    theirs = [{name: row[name] for name in ours[0]} for row in theirs]
    assert difference(ours, theirs) is None


TABLES_FILLED = {"apim": (as_apim, seen_by_apim), "litellm": (as_litellm, seen_by_litellm)}
"""How the population stands in a gateway's log, and what can be read there of it."""


@pytest.fixture(scope="module", params=TABLES_FILLED)
def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Kusto]]:
    filled, _ = TABLES_FILLED[request.param]
    with opened("clickhouse", tmp_path_factory.mktemp(f"kusto-{request.param}")) as click:
        assert isinstance(click, ClickHouse)
        click.load({**filled(EXCHANGES), "APIAccounts": as_logs(ACCOUNTS, but=("created_at",))})
        yield request.param, Kusto(click)


@pytest.mark.parametrize("name", [rule.name for rule in RULES])
def test_over_a_gateways_log_too_the_rows_are_those_of_the_hunt(
    name: str, gateway: tuple[str, Kusto]
) -> None:
    table, kusto = gateway
    asked = _asked(name, table=table, until_us=UNTIL_US)
    if (table, name) in REFUSED:
        with pytest.raises(ExportError, match=f"table {table} has no"):
            targets()["kql"].write(asked)
        return
    over = period(asked, every_us=YEAR_US)
    query = ask_kusto(asked, over)
    # ClickHouse does not look into dynamic values, so there each is a column.
    text = query.text.replace("metadata.", "metadata_")
    theirs = as_canonical(kusto.run(text), query.columns)
    _, seen = TABLES_FILLED[table]
    ours = _ours(asked, over, seen(EXCHANGES, asked.plan.columns))
    assert ours, "a comparison of nothing proves nothing"
    # An unknown text is empty there.
    theirs = [{name: None if row[name] == "" else row[name] for name in ours[0]} for row in theirs]
    assert difference(ours, theirs) is None


MUTANTS = [
    ("volume", "TotalRequests > 60", "TotalRequests >= 60"),
    ("volume", "TotalOutputTokens > 20000", "TotalOutputTokens >= 20000"),
    ("volume", "TimeGenerated > datetime", "TimeGenerated >= datetime"),
    ("volume", "sum(OutputTokens)", "max(OutputTokens)"),
    ("burst", "Change asc", "Change desc"),
    ("burst", "PeakRequests > 20", "PeakRequests >= 20"),
    ("failover", ", ExchangeId asc", ""),
    ("heavy_output", "avg(OutputTokens)", "max(OutputTokens)"),
    ("many_accounts", "bin(TimeGenerated, 1d)", "bin(TimeGenerated, 12h)"),
]
"""What each mistake would be called by: the comparison of rows."""


@pytest.mark.parametrize(("name", "text", "mutant"), MUTANTS)
def test_a_mistake_in_a_query_would_be_seen(
    name: str, text: str, mutant: str, kusto: Kusto
) -> None:
    asked = _asked(name, until_us=UNTIL_US)
    over = period(asked, every_us=YEAR_US)
    query = ask_kusto(asked, over)
    assert text in query.text
    theirs = as_canonical(kusto.run(query.text.replace(text, mutant)), query.columns)
    ours = _ours(asked, over)
    theirs = [{name: row[name] for name in ours[0]} for row in theirs]
    assert difference(ours, theirs) is not None


def test_the_row_before_is_one_of_the_same_address(kusto: Kusto) -> None:
    begin = UNTIL_US - 3_600_000_000
    rows = [
        {"exchange_id": "x1", "source_ip": "192.0.2.1", "account_id": "a", "status": 429,
         "path": "/v1/messages", "ts_us": begin},
        {"exchange_id": "x2", "source_ip": "192.0.2.2", "account_id": "b", "status": 200,
         "path": "/v1/messages", "ts_us": begin + 1_000_000},
    ]  # fmt: skip
    (asked,) = ask(RULES, ["failover"], overrides={"failover.accounts": "0"}, until_us=UNTIL_US)
    text = ask_kusto(asked, period(asked)).text
    kusto.click.load({"APILogs": as_logs(pa.Table.from_pylist(rows, EXCHANGES.schema))})
    try:
        assert kusto.run(text) == []
        unguarded = text.replace("iff(prev(SourceIP) == SourceIP, ", "iff(true, ")
        (row,) = kusto.run(unguarded)
    finally:
        kusto.click.load({"APILogs": as_logs(EXCHANGES)})
    assert row["SourceIP"] == "192.0.2.2"


@pytest.mark.parametrize("table", TABLES)
def test_the_analyser_has_nothing_to_say_of_any_query(table: str) -> None:
    yaml = pytest.importorskip("yaml", reason="pyyaml is not installed (group engines)")
    kql, queries = targets()["kql"], {}
    for rule in RULES:
        for until_us in (None, UNTIL_US):
            asked = _asked(rule.name, table=table, until_us=until_us)
            if (table, rule.name) in REFUSED:
                with pytest.raises(ExportError, match=f"table {table} has no"):
                    kql.write(asked)
            else:
                queries[f"{rule.name} {until_us}"] = kql.write(asked)
        if (table, rule.name) not in REFUSED:
            for to in ("sentinel", "defender"):  # what is shipped, to the letter
                shipped = targets()[to].write(_asked(rule.name, table=table, **SHORTER))
                queries[f"{rule.name} {to}"] = yaml.safe_load(shipped)["query"]
    said = analysed(TABLES[table].declared, queries)
    assert said == {name: [] for name in queries}


def test_the_analyser_would_say_of_a_column_that_is_not_there() -> None:
    text = targets()["kql"].write(_asked("volume")).replace("OutputTokens)", "OutputToken)")
    said = analysed(TABLES["apilogs"].declared, {"volume": text})["volume"]
    assert {one["code"] for one in said} == {"KS142"}


HOSTILE = "/v1/a\"b'c\\d\ne*/f//g | take 0 or 1 == 1,/v1/\u202eexe.\u00e9\U0001f600/*"


def test_text_in_a_parameter_stays_text(kusto: Kusto) -> None:
    paths = HOSTILE.removesuffix("/*").split(",")
    (asked,) = ask(RULES, ["volume_account"],
                   overrides={"volume_account.paths": HOSTILE,
                              "volume_account.requests_per_day": "1"},
                   until_us=UNTIL_US)  # fmt: skip
    query = ask_kusto(asked, period(asked))
    declared = TABLES["apilogs"].declared
    assert analysed(declared, {"q": query.text})["q"] == []
    assert query.text.isprintable() or "\n" in query.text
    rows = [
        {"account_id": f"a{n}", "path": path, "ts_us": UNTIL_US - k}
        for n, path in enumerate([paths[0], f"{paths[1]}/x", "/v1/messages", "/v1/a"])
        for k in range(2)
    ]
    schema = EXCHANGES.schema
    table = pa.Table.from_pylist(rows, schema)
    click = kusto.click
    click.load({"APILogs": as_logs(table)})
    try:
        found = {row["AccountId"] for row in kusto.run(query.text)}
    finally:
        click.load({"APILogs": as_logs(EXCHANGES)})
    assert found == {"a0", "a1"}


BEGIN_US = UNTIL_US - 3_600_000_000


def _apim(count: int, tokens: int) -> dict[str, pa.Table]:
    """Return gateway logs: each request a row in one, and three in the other, as long ones have.

    Tokens stand in the first of the three or in all of them, by turns.
    """
    moments = [BEGIN_US + n * 1_000_000 for n in range(count)]
    ids = [f"c{n}" for n in range(count)]
    base = "https://gateway.example.com/openai/deployments/m"
    ends = ["chat/completions?api-version=1", "embeddings"]
    parts = [(n, part) for n in range(count) for part in range(3)]
    return {
        "ApiManagementGatewayLogs": pa.table(
            {
                "TimeGenerated": pa.array(moments, pa.timestamp("us", "UTC")),
                "CorrelationId": ids,
                "CallerIpAddress": ["192.0.2.1"] * count,
                "ApimSubscriptionId": [f"s{n % 2}" for n in range(count)],
                "Url": [f"{base}/{ends[n % 2]}" for n in range(count)],
            }
        ),
        "ApiManagementGatewayLlmLog": pa.table(
            {
                "TimeGenerated": pa.array([moments[n] for n, _ in parts],
                                          pa.timestamp("us", "UTC")),
                "CorrelationId": [ids[n] for n, _ in parts],
                "SequenceNumber": pa.array([part for _, part in parts], pa.int32()),
                "CompletionTokens": pa.array(
                    [tokens if part == 0 or n % 4 else None for n, part in parts], pa.int32()
                ),
            }
        ),
    }  # fmt: skip


def test_a_request_that_the_gateway_splits_over_rows_counts_once(kusto: Kusto) -> None:
    kusto.click.load(_apim(count=20, tokens=100))
    told = {"volume.tokens_per_day": "999", "volume.requests_per_day": "9"}
    (asked,) = ask(RULES, ["volume"], overrides=told, table="apim", until_us=UNTIL_US)
    (row,) = kusto.run(ask_kusto(asked, period(asked)).text)
    assert (row["AccountId"], row["TotalRequests"], row["TotalOutputTokens"]) == ("s0", 10, 1000)


def test_a_request_that_the_gateway_refuses_is_seen_although_no_model_was_asked(
    kusto: Kusto,
) -> None:
    rows = [
        {"TimeGenerated": BEGIN_US + n * 60_000_000 + k * 1_000_000, "CorrelationId": f"c{n}-{k}",
         "CallerIpAddress": "192.0.2.1", "ApimSubscriptionId": f"{who}{n}", "ResponseCode": status,
         "Url": "https://gateway.example.com/openai/deployments/m/chat/completions"}
        for n in range(4)
        for k, (who, status) in enumerate([("banned", 429), ("standby", 200)])
    ]  # fmt: skip
    gateway = pa.Table.from_pylist(rows)
    times = gateway["TimeGenerated"].cast(pa.timestamp("us", "UTC"))
    answered = [row for row in rows if row["ResponseCode"] == 200]
    models = pa.table(
        {
            "TimeGenerated": pa.array([row["TimeGenerated"] for row in answered],
                                      pa.timestamp("us", "UTC")),
            "CorrelationId": [row["CorrelationId"] for row in answered],
        }
    )  # fmt: skip
    kusto.click.load(
        {
            "ApiManagementGatewayLogs": gateway.set_column(0, "TimeGenerated", times),
            "ApiManagementGatewayLlmLog": models,
        }
    )
    (asked,) = ask(RULES, ["failover"], table="apim", until_us=UNTIL_US)
    (row,) = kusto.run(ask_kusto(asked, period(asked)).text)
    assert (row["SourceIP"], row["SteppedIn"]) == ("192.0.2.1", 4)


def test_rows_of_the_litellm_logger_are_read_as_its_reader_reads_them(kusto: Kusto) -> None:
    def payload(n: int, user: str, team: str, route: str) -> dict[str, Any]:
        return {
            "TimeGenerated": (UNTIL_US + 5_000_000), "id": f"x{n}", "call_type": "acompletion",
            "startTime": (BEGIN_US + n * 1_000_000) / 1e6, "completion_tokens": 50,
            "requester_ip_address": "198.51.100.9, 192.0.2.1",
            "metadata_user_api_key_user_id": user, "metadata_user_api_key_team_id": team,
            "metadata_user_api_key_request_route": route,
        }  # fmt: skip

    rows = [payload(n, "u1", "t1", "/chat/completions") for n in range(6)]
    rows += [payload(n, "default_user_id", "t2", "") for n in range(7)]
    rows += [payload(n, "u1", "t1", "/embeddings") for n in range(90)]
    table = pa.Table.from_pylist(rows)
    place = table.column_names.index("TimeGenerated")
    moments = table["TimeGenerated"].cast(pa.timestamp("us", "UTC"))
    kusto.click.load({"LiteLLM_CL": table.set_column(place, "TimeGenerated", moments)})
    (asked,) = ask(RULES, ["volume"], overrides={"volume.requests_per_day": "5"},
                   table="litellm", until_us=UNTIL_US)  # fmt: skip
    # ClickHouse does not look into dynamic values, so here each is a column.
    text = ask_kusto(asked, period(asked)).text.replace("metadata.", "metadata_")
    found = {(r["AccountId"], r["SourceIP"], r["TotalRequests"]) for r in kusto.run(text)}
    assert found == {("u1", "192.0.2.1", 6), ("t2", "192.0.2.1", 7)}

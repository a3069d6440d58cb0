"""What each target writes, and what it refuses by name."""

import dataclasses
import datetime
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import pytest
from population import TOLD, UNTIL_US, accounts, population

from stillhunt.hunt.export import Asked, ask, export, targets, until_us
from stillhunt.hunt.kusto.alert import detail
from stillhunt.hunt.plan_sql import plan_sql
from stillhunt.hunt.rule import load_rules, read_rule
from stillhunt.model.errors import ConfigError, ExportError, OutputError

RULES = load_rules()
KNOWN = {parameter.full_name for rule in RULES for parameter in rule.known_parameters}
SMALL = {name: value for name, value in TOLD.items() if name in KNOWN}
FAMILIES = ("volume", "volume_account", "burst", "burst_account")


def asked(name: str, **how: Any) -> Asked:  # noqa: ANN401 - fields of Asked
    overrides = how.pop("overrides", {})
    (one,) = ask(RULES, [name], overrides=overrides, **how)
    return one


def documents(text: str) -> list[dict[str, Any]]:
    yaml = pytest.importorskip("yaml", reason="pyyaml is not installed (group engines)")
    return list(yaml.safe_load_all(text))


def refusal(to: str, name: str, **how: Any) -> str:  # noqa: ANN401 - fields of Asked
    with pytest.raises(ExportError) as caught:
        targets()[to].write(asked(name, **how))
    return str(caught.value)


# -- files -----------------------------------------------------------------------------------


def test_every_target_names_its_files_and_marks_them(tmp_path: Path) -> None:
    wanted = {
        "kql": "volume.apilogs.kql", "sentinel": "volume.yml", "defender": "volume.yml",
        "sigma": "volume.yml", "sql": "volume.duckdb.sql", "spl": "volume.spl",
        "esql": "volume.esql",
    }  # fmt: skip
    assert set(wanted) == set(targets())
    for to, name in wanted.items():
        (path,), refused = export([asked("volume")], to, tmp_path / to)
        assert (path.name, refused) == (name, [])
        first = path.read_text(encoding="utf-8").split("\n", 1)[0]
        assert f" stillhunt rules export --to {to}" in first


def test_another_table_has_files_of_its_own(tmp_path: Path) -> None:
    for to, name in (("kql", "volume.apim.kql"), ("sentinel", "volume.apim.yml")):
        assert targets()[to].file_name(asked("volume", table="apim")) == name


def test_a_rule_that_cannot_be_said_does_not_keep_the_others_back(tmp_path: Path) -> None:
    rules = [asked("failover"), asked("volume")]
    written, (error,) = export(rules, "sigma", tmp_path)
    assert [path.name for path in written] == ["volume.yml"]
    assert str(error) == "rule failover: sigma cannot say it: no bins of the UTC clock"
    assert error.exit_code == 2


def test_a_file_of_somebody_else_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "volume.yml").write_text("mine: true\n")
    with pytest.raises(OutputError, match="no export of ours"):
        export([asked("volume")], "sentinel", tmp_path)
    assert (tmp_path / "volume.yml").read_text() == "mine: true\n"


def test_an_export_replaces_an_older_one(tmp_path: Path) -> None:
    export([asked("volume")], "sentinel", tmp_path)
    told = asked("volume", overrides={"volume.requests_per_day": "7"})
    (path,), _ = export([told], "sentinel", tmp_path)
    assert "TotalRequests > 7 or" in path.read_text(encoding="utf-8")
    assert [one.name for one in tmp_path.iterdir()] == ["volume.yml"]


@pytest.mark.parametrize(("how", "said"), [
    ({"to": "sigmaa"}, "did you mean sigma"),
    ({"to": "kql", "table": "apilog"}, "did you mean apilogs"),
    ({"to": "sql", "dialect": "sparkk"}, "did you mean spark"),
])  # fmt: skip
def test_unknown_names_are_refused_with_near_ones(
    how: dict[str, str], said: str, tmp_path: Path
) -> None:
    to = how.pop("to")
    with pytest.raises(ConfigError, match=said):
        export([asked("volume", **how)], to, tmp_path)


def test_rules_and_parameters_have_to_be_there() -> None:
    with pytest.raises(ConfigError, match="did you mean volume"):
        ask(RULES, ["volum"])
    with pytest.raises(ConfigError, match=r"volume\.requests is unknown"):
        ask(RULES, [], overrides={"volume.requests": "1"})


@pytest.mark.parametrize("text", ["yesterday", "2026-03-01", "2026-03-01T00:00:00",
                                  "1850-01-01T00:00:00Z"])  # fmt: skip
def test_an_end_is_a_time_with_a_zone(text: str) -> None:
    with pytest.raises(ConfigError, match="RFC 3339"):
        until_us(text)


def test_an_end_is_in_microseconds() -> None:
    assert until_us("2026-03-01T01:00:00.000001+01:00") == 1_772_323_200_000_001
    assert until_us(None) is None


def of_few_networks(values: str) -> Asked:
    """Return a rule that counts what comes from a known network but those of *values*."""
    text = files("stillhunt.hunt.rules").joinpath("volume_account.toml").read_text("utf-8")
    where = f'paths = "paths"\nwhere = [{{ column = "network_kind", none_of = {values} }}]'
    rule = read_rule("few", text.replace('paths = "paths"', where, 1))
    (one,) = ask([rule])
    return one


@pytest.mark.parametrize(("to", "said"), [
    ("kql", 'NetworkKind !in ("", "nat", "vpn")'),
    ("sql", "network_kind NOT IN ('nat', 'vpn')"),
    ("spl", '(isnotnull(network_kind) AND NOT in(network_kind, "nat", "vpn"))'),
    ("esql", '(network_kind IS NOT NULL AND NOT network_kind IN ("nat", "vpn"))'),
    ("sigma", "(not no_network_kind and not network_kind)"),
])  # fmt: skip
def test_none_of_a_list_is_said_once(to: str, said: str) -> None:
    text = targets()[to].write(of_few_networks('["nat", "vpn"]'))
    assert said in text
    assert text.count("nat") == 1


@pytest.mark.parametrize("to", ["spl", "esql", "sigma"])
def test_a_list_without_an_entry_is_refused_where_it_would_break_the_query(to: str) -> None:
    with pytest.raises(ExportError, match="no list without an entry"):
        targets()[to].write(of_few_networks("[]"))


# -- KQL -------------------------------------------------------------------------------------


def test_a_volume_query_asks_for_five_columns_alone() -> None:
    text = targets()["kql"].write(asked("volume"))
    known = set(re.findall(r"\b[A-Z][A-Za-z]+\b", re.sub(r'"[^"]*"|//.*', "", text)))
    assert known - {"TotalRequests", "TotalOutputTokens", "N", "FirstSeen", "LastSeen",
                    "Severity", "Statistic"} == {
        "APILogs", "TimeGenerated", "Endpoint", "AccountId", "SourceIP", "OutputTokens",
    }  # fmt: skip


def test_bounds_stay_strict() -> None:
    text = targets()["kql"].write(asked("volume"))
    assert "TotalRequests > 5000 or TotalOutputTokens > 100000" in text
    assert "TimeGenerated > ago(1d)" in text


def test_with_an_end_a_query_never_asks_the_clock() -> None:
    for rule in RULES:
        text = targets()["kql"].write(asked(rule.name, until_us=until_us("2026-03-02T00:00:00Z")))
        assert not re.search(r"\b(ago|now)\(", text)


def test_what_a_table_does_not_have_is_named() -> None:
    assert refusal("kql", "signature_reuse", table="apim") == (
        "table apim has no reasoning_signature_hash"
    )
    assert refusal("kql", "failover", table="litellm") == "table litellm has no status"


def test_a_request_of_many_rows_counts_once() -> None:
    text = targets()["kql"].write(asked("volume", table="apim"))
    assert text.index("max(CompletionTokens)) by CorrelationId") < text.index("join kind=inner")


def test_what_a_rule_would_rather_have_and_the_table_lacks_stands_in_the_file() -> None:
    said = "Answered partly: no NetworkKind in this table: shared networks are not told apart"
    kql = targets()["kql"].write(asked("many_accounts", table="apim"))
    assert kql.split("\n")[2] == f"// {said}"
    for to in ("sentinel", "defender"):
        (found,) = documents(targets()[to].write(asked("many_accounts", table="litellm")))
        assert f"{said}." in found["description"]
    burst = targets()["kql"].write(asked("burst", table="litellm"))
    assert "// Answered partly: no Method in this table: requests of every method" in burst
    for rule in RULES:
        assert "Answered partly" not in targets()["kql"].write(asked(rule.name))


def test_refused_requests_are_read_from_the_gateway_itself() -> None:
    text = targets()["kql"].write(asked("failover", table="apim"))
    assert text.index("ApiManagementGatewayLogs") < text.index("join kind=leftouter (")
    assert text.index("join kind=leftouter (") < text.index("ApiManagementGatewayLlmLog")
    assert "join kind=inner (" in targets()["kql"].write(asked("volume", table="apim"))


# -- Sentinel and Defender -------------------------------------------------------------------

REQUIRED = {
    "id", "name", "description", "severity", "requiredDataConnectors", "queryFrequency",
    "queryPeriod", "triggerOperator", "triggerThreshold", "tactics", "relevantTechniques",
    "query", "entityMappings", "customDetails", "version", "kind",
}  # fmt: skip


def seconds(text: str) -> int:
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?", text)
    assert found, text
    days, hours, minutes = (int(one or 0) for one in found.groups())
    return int(datetime.timedelta(days=days, hours=hours, minutes=minutes).total_seconds())


def sentinel() -> list[tuple[Asked, dict[str, Any]]]:
    found = []
    for rule in RULES:
        has_end = rule.name not in ("heavy_output", "signature_reuse")
        told = {} if has_end else {f"{rule.name}.lookback": "13d"}
        one = asked(rule.name, overrides=told)
        (document,) = documents(targets()["sentinel"].write(one))
        found.append((one, document))
    return found


def test_a_sentinel_rule_has_every_key_and_keeps_every_limit() -> None:
    for one, rule in sentinel():
        missing = REQUIRED - set(rule)
        assert missing <= ({"entityMappings"} if one.rule.name == "signature_reuse" else set())
        assert rule["severity"] in ("Informational", "Low", "Medium", "High")
        assert rule["kind"] == "Scheduled"
        assert len(rule["query"]) <= 10_000
        assert 300 <= seconds(rule["queryFrequency"]) <= seconds(rule["queryPeriod"]) <= 14 * 86400
        assert len(rule["customDetails"]) <= 20
        assert all(len(key) <= 20 for key in rule["customDetails"])
        assert rule["customDetails"]["AtlasIds"] == "AtlasIds"
        assert f'AtlasIds = "{", ".join(one.rule.atlas)}"' in rule["query"]
        assert re.fullmatch(r"\d+\.\d+\.\d+", rule["version"])
        assert rule["id"] == str(one.rule.uid)
        assert "OwaspIds" not in rule["customDetails"] or one.rule.owasp
        assert 'OwaspIds = ""' not in rule["query"]


def test_a_rule_on_another_table_is_another_rule_in_both_portals() -> None:
    ids = {}
    for to in ("sentinel", "defender"):
        for table in ("apilogs", "apim", "litellm"):
            (document,) = documents(targets()[to].write(asked("volume", table=table)))
            ids[to, table] = document["id"]
    assert ids["sentinel", "apilogs"] == str(asked("volume").rule.uid)
    assert len(set(ids.values())) == 3
    for table in ("apilogs", "apim", "litellm"):
        assert ids["sentinel", table] == ids["defender", table]


def test_alerts_about_the_same_subject_are_one_incident() -> None:
    for one, rule in sentinel():
        grouping = rule["incidentConfiguration"]["groupingConfiguration"]
        assert grouping["enabled"] is True
        period = seconds(rule["queryPeriod"])
        assert seconds(grouping["lookbackDuration"]) == min(max(period, 86400), 7 * 86400)
        if "entityMappings" in rule:
            assert grouping["matchingMethod"] == "AllEntities"
        else:
            assert one.rule.name == "signature_reuse"
            assert grouping["matchingMethod"] == "Selected"
            assert grouping["groupByCustomDetails"] == ["ReasoningSignature"]
            assert rule["customDetails"]["ReasoningSignature"] == "ReasoningSignatureHash"


@pytest.mark.parametrize(("column", "name"), [
    ("ReasoningSignatureHash", "ReasoningSignature"),
    ("SourceIP", "SourceIP"),
    ("TotalOutputTokens", "TotalOutputTokens"),
    ("MeanOutputTokensOfTheDay", "MeanOutputTokensOf"),
    ("A" * 30, "A" * 20),
])  # fmt: skip
def test_a_detail_is_called_by_as_many_words_as_fit(column: str, name: str) -> None:
    assert detail(column) == name


def test_what_a_directory_is_joined_to_was_chosen_before() -> None:
    text = targets()["kql"].write(asked("out_of_plan"))
    chosen = text.index("TimeGenerated >="), text.index("Endpoint in ("), text.index("isnotnull")
    assert max(chosen) < text.index("| join kind=inner (APIAccounts")


def test_a_sentinel_rule_reads_what_its_query_looks_back_at() -> None:
    (volume,) = documents(targets()["sentinel"].write(asked("volume")))
    assert (volume["queryPeriod"], volume["queryFrequency"]) == ("P1D", "PT1H")
    assert "ago(1d)" in volume["query"]
    (burst,) = documents(targets()["sentinel"].write(asked("burst")))
    assert (burst["queryPeriod"], burst["queryFrequency"]) == ("PT2H1M", "PT1H")
    assert "ago(2h) - 1m" in burst["query"]
    (bins,) = documents(targets()["sentinel"].write(asked("many_accounts")))
    assert (bins["queryPeriod"], bins["queryFrequency"]) == ("P2D", "PT1H")
    assert "TimeGenerated >= bin(ago(1d), 1d)" in bins["query"]


def commas(text: str) -> list[str]:
    """Return the parts of *text* between the commas that stand in no bracket and no quotes."""
    parts, depth, is_quoted = [""], 0, False
    for one in text:
        is_quoted ^= one == '"'
        depth += 0 if is_quoted else (one in "([") - (one in ")]")
        if one == "," and not depth and not is_quoted:
            parts.append("")
        else:
            parts[-1] += one
    return [part.strip() for part in parts]


def columns_at_the_end(query: str) -> set[str]:
    """Return the columns that *query* ends with: what its last project or summarize leaves."""
    columns: set[str] = set()
    for step in re.split(r"^\| ", query, flags=re.M)[1:]:
        word, _, rest = " ".join(step.split()).partition(" ")
        if word == "summarize":
            figures, _, by = rest.rpartition(" by ")
            columns = {part.partition(" = ")[0] for part in commas(figures)} | set(commas(by))
        elif word == "project":
            columns = {part.partition(" = ")[0] for part in commas(rest)}
        elif word == "extend":
            columns |= {part.partition(" = ")[0] for part in commas(rest)}
        elif word == "project-rename":
            for new, _, old in (part.partition(" = ") for part in commas(rest)):
                columns = (columns - {old}) | {new}
    return columns


def test_the_columns_at_the_end_are_those_of_the_last_steps() -> None:
    query = """T
| where Before == "| project Quoted"
| summarize A_ = countif(B > 1, "x, C"),
    D = max_of(E, F)
    by G,
    H
| project-rename A = A_
| extend I = iff(J, 1, 2)"""
    assert columns_at_the_end(query) == {"A", "D", "G", "H", "I"}
    assert columns_at_the_end(f"{query}\n| project A, K = L") == {"A", "K"}


def test_every_entity_and_detail_is_a_column_of_the_query() -> None:
    for _, rule in sentinel():
        columns = columns_at_the_end(rule["query"])
        fields = [f for one in rule.get("entityMappings", []) for f in one["fieldMappings"]]
        assert {field["columnName"] for field in fields} <= columns
        assert set(rule["customDetails"].values()) <= columns
        assert rule["alertDetailsOverride"]["alertSeverityColumnName"] in columns


def test_sentinel_refuses_what_it_cannot_read() -> None:
    assert "P14D is the longest" in refusal("sentinel", "heavy_output")
    long = {"volume.lookback": "15d"}
    assert "looks back at P15D" in refusal("sentinel", "volume", overrides=long)
    short = {"volume.lookback": "90s"}
    assert "not whole minutes" in refusal("sentinel", "volume", overrides=short)
    for rule in RULES:
        for table in ("apim", "litellm"):
            try:
                text = targets()["sentinel"].write(asked(rule.name, table=table))
            except ExportError as error:
                assert re.search("P14D is the longest|has no", str(error))
            else:
                assert len(text) < 12_000
    paths = ",".join(f"/v1/path-{n:04d}" for n in range(600))
    assert "10000 is most" in refusal("sentinel", "volume", overrides={"volume.paths": paths})
    assert "--until" in refusal("sentinel", "volume", until_us=1)


def test_a_defender_query_is_for_hunting_and_says_so() -> None:
    (found,) = documents(targets()["defender"].write(asked("volume")))
    assert {"id", "name", "description", "tactics", "relevantTechniques", "query",
            "entityMappings"} <= set(found)  # fmt: skip
    assert "TimeGenerated = LastSeen" in found["query"]
    assert "30 days is most" in refusal("defender", "heavy_output")
    assert "no custom detection" in str(found["description"])


# -- Sigma -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_sigma_parses_every_document(name: str) -> None:
    collection = pytest.importorskip("sigma.collection", reason="pysigma (group engines)")
    text = targets()["sigma"].write(asked(name))
    found = collection.SigmaCollection.from_yaml(text)
    found.resolve_rule_references()
    assert len(found.rules) == len(documents(text))
    assert [rule.errors for rule in found.rules] == [[]] * len(found.rules)
    assert len({rule.id for rule in found.rules}) == len(found.rules)


def correlations(name: str, **told: str) -> list[tuple[Any, ...]]:
    overrides = {f"{name}.{key}": value for key, value in told.items()}
    text = targets()["sigma"].write(asked(name, overrides=overrides))
    return [
        (one["correlation"]["type"], one["correlation"]["condition"].get("field"),
         one["correlation"]["condition"]["gt"], one["correlation"]["timespan"], one["level"])
        for one in documents(text) if "correlation" in one
    ]  # fmt: skip


def test_sigma_has_a_correlation_for_each_bound_and_level() -> None:
    assert correlations("volume") == [
        ("event_count", None, 5000, "1d", "high"),
        ("value_sum", "output_tokens", 100_000, "1d", "high"),
        ("value_sum", "output_tokens", 200_000, "1d", "critical"),
    ]
    assert correlations("burst") == [
        ("event_count", None, 100, "1m", "low"),
        ("event_count", None, 1000, "1m", "medium"),
    ]


@pytest.mark.parametrize(("family", "tags"), [
    ("usage", ["attack.exfiltration", "attack.t1020"]),
    ("identity", ["attack.resource-development", "attack.t1585"]),
    ("infrastructure", ["attack.command-and-control", "attack.t1090"]),
])  # fmt: skip
def test_sigma_has_the_tags_of_its_family(family: str, tags: list[str]) -> None:
    one = asked("volume")
    moved = dataclasses.replace(one, rule=one.rule.model_copy(update={"family": family}))
    for document in documents(targets()["sigma"].write(moved)):
        assert document["tags"] == tags


def test_sigma_says_who_is_in_no_group() -> None:
    rows, *correlated = documents(targets()["sigma"].write(asked("volume")))
    lack = "Exchanges that lack account_id or source_ip are in no group of most backends."
    assert lack not in rows["description"]
    assert all(lack in one["description"] for one in correlated)
    for one in documents(targets()["sigma"].write(asked("volume_account"))):
        assert "in no group" not in one["description"]


def test_sigma_takes_wildcards_for_text_and_case_as_it_is() -> None:
    told = {"volume.paths": "/v1/a*b?c\\d,/v1/x/*"}
    (base, *_) = documents(targets()["sigma"].write(asked("volume", overrides=told)))
    selections = base["detection"]
    assert selections["path"] == {"path|cased": ["/v1/a\\*b\\?c\\\\d"]}
    assert selections["path_begin_2"] == {"path|startswith|cased": "/v1/x/"}


@pytest.mark.parametrize(("name", "told", "said"), [
    ("heavy_output", {}, "two thresholds that have to hold together"),
    ("burst_prefix", {}, "no computed column (source_prefix)"),
    ("signature_reuse", {}, "no computed column (owner)"),
    ("new_model_pivot", {}, "several stages"),
    ("out_of_plan", {}, "bins of the UTC clock"),
    ("volume", {"volume.lookback": "all"}, "no look-back at everything"),
    ("volume", {"volume.critical_tokens": "5"}, "depends on total_output_tokens below its bound"),
])  # fmt: skip
def test_sigma_refuses_by_name(name: str, told: dict[str, str], said: str) -> None:
    assert said in refusal("sigma", name, overrides=told)


# -- SQL -------------------------------------------------------------------------------------


def test_exported_sql_ends_with_the_newest_exchange() -> None:
    con = duckdb.connect()
    con.register("exchanges", population())
    con.register("directory", accounts())
    for rule in RULES:
        one = asked(rule.name, overrides=SMALL)
        text = targets()["sql"].write(one)
        length = one.plan.length_us if rule.window.kind == "lookback" else None
        begin = -1 if length is None else UNTIL_US - length
        ours = con.execute(plan_sql(one.plan, begin, UNTIL_US)).fetchall()
        assert ours, "a comparison of nothing proves nothing"
        assert sorted(map(repr, con.execute(text).fetchall())) == sorted(map(repr, ours))


@pytest.mark.parametrize("dialect", ["duckdb", "spark", "clickhouse", "snowflake", "postgres"])
def test_every_rule_is_written_in_every_dialect(dialect: str) -> None:
    for rule in RULES:
        assert targets()["sql"].write(asked(rule.name, dialect=dialect)).startswith("-- ")


# -- SPL and ES|QL: written, not executed ----------------------------------------------------


def test_splunk_searches_of_the_two_families_say_that_nobody_ran_them() -> None:
    for name in (*FAMILIES, "volume_prefix", "burst_prefix"):
        text = targets()["spl"].write(asked(name))
        assert "not executed here" in text
        assert "\n\n" not in text
    assert "\n| where total_requests > 5000 OR total_output_tokens > 100000\n" in (
        targets()["spl"].write(asked("volume"))
    )


def test_a_splunk_window_slides_exactly() -> None:
    lines = targets()["spl"].write(asked("burst")).split("\n")
    at = lines.index("| sort 0 source_ip, num(at), num(change)")
    assert lines[at - 1] == "| eval at = if(change == 1, _time, _time + 60)"
    assert lines[at + 1] == "| streamstats sum(change) AS running BY source_ip"
    assert "mvexpand drops events above max_mem_usage_mb" in lines[1]
    assert " max(n) AS n max(peak_requests) AS peak_requests min(first_seen)" in lines[-1]


def test_elastic_queries_say_that_nobody_ran_them() -> None:
    for name in ("volume", "volume_account"):
        text = targets()["esql"].write(asked(name))
        assert text.startswith(f"// {name}, version 1: ")
        assert "not executed here" in text
        assert text.count("At most 10000 rows come back") == text.count("| LIMIT 10000") == 1
        assert "| WHERE total_requests > 5000 OR total_output_tokens > 100000" in text


@pytest.mark.parametrize(("to", "name", "said"), [
    ("esql", "burst", "no sliding window of 60 s"),
    ("esql", "volume_prefix", "no block of an address"),
    ("esql", "many_accounts", "no bins of the UTC clock"),
    ("spl", "signature_reuse", "several stages"),
    ("spl", "heavy_output", "over a part of the rows"),
    ("spl", "failover", "no bins of the UTC clock"),
])  # fmt: skip
def test_what_they_have_no_words_for_is_named(to: str, name: str, said: str) -> None:
    assert said in refusal(to, name)


@pytest.mark.parametrize("to", ["spl", "esql"])
def test_there_too_a_path_cannot_end_its_literal(to: str) -> None:
    told = {"volume.paths": '/a"b\\c'}
    text = targets()[to].write(asked("volume", overrides=told))
    assert r'"/a\"b\\c"' in text
    unseen = {"volume.paths": "/a\nb"}
    assert "cannot be seen" in refusal(to, "volume", overrides=unseen)

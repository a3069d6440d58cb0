"""The JSON report keeps the shape that others rely on."""

# ruff: noqa: ANN401 - stand-ins of any shape
import json
import math
import re
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
import report_crowd as crowd
from pydantic import ValidationError

from stillhunt.hunt.report import shape
from stillhunt.hunt.report.document import LISTED_REJECTS, build, read_findings, report_schema
from stillhunt.model.finding import Severity


def made(**more: Any) -> dict[str, Any]:
    return crowd.document(crowd.findings(), **more)


def test_the_keys_are_those_of_the_interface() -> None:
    document = made()
    assert list(document) == [
        "schema", "version", "created_at", "inputs", "period", "totals", "detectors", "findings",
        "accounts", "campaigns", "rejects", "events", "notes",
    ]  # fmt: skip
    assert document["schema"] == "stillhunt.report/1"
    assert document["inputs"][0] == {
        "path": "gateway-2026-03-02.jsonl.zst", "reader": "native", "lines": 25_600,
        "rows": 25_594, "rejects": 6, "known_lines": 0,
    }  # fmt: skip
    assert document["period"] == {"from": "2026-03-02T00:00:00Z", "to": "2026-03-09T00:00:00Z"}
    assert document["rejects"][0] == {
        "path": "gateway-2026-03-02.jsonl.zst", "line": 17,
        "reason": "not JSON: line ends inside a string",
    }  # fmt: skip
    assert set(document["detectors"][0]) == {
        "name", "kind", "family", "answered", "needs", "uses", "missing", "findings", "allowed",
        "seconds",
    }  # fmt: skip
    assert document["accounts"][0] == {
        "account_id": crowd.HARVESTER, "severity": 2, "score": None, "q_value": None,
        "campaign_id": None, "families": {}, "directory": {},
    }  # fmt: skip


def test_a_finding_is_written_whole_and_read_back_the_same() -> None:
    document = json.loads(json.dumps(made()))
    first = document["findings"][0]
    assert first["severity"] == 5
    assert first["first_seen"] == "2026-03-05T01:00:00Z"
    assert first["subject"] == {"account_id": crowd.HARVESTER, "source_ip": "203.0.113.66"}
    assert first["peer"] is first["p_value"] is first["allowed"] is first["first_alert_at"] is None
    assert read_findings(document) == crowd.findings()


def test_microseconds_and_alerts_survive_the_round_trip() -> None:
    one = crowd.finding("burst", {"source_ip": "192.0.2.1"}, first_seen_us=1_772_409_600_000_001,
                        first_alert_us=1_772_413_200_000_000)  # fmt: skip
    (back,) = read_findings(crowd.document([one]))
    assert back == one


def test_what_json_cannot_say_becomes_null() -> None:
    one = crowd.finding(
        "x",
        {"account_id": "a"},
        statistic=math.inf,
        evidence={"nan": math.nan, "minus": -math.inf, "fine": 1.5, "flag": True},
    )
    document = crowd.document([one], totals={"exchanges": 1, "accounts": 0, "output_tokens": None})
    text = json.dumps(document, allow_nan=False)
    back = json.loads(text)["findings"][0]
    assert back["statistic"] is None
    assert back["evidence"] == {"nan": None, "minus": None, "fine": 1.5, "flag": True}
    assert math.isnan(read_findings(document)[0].statistic)


def test_lone_surrogates_of_file_names_can_be_written_as_utf_8() -> None:
    inputs: Any = [
        SimpleNamespace(path="a\udcff.log", reader=None, lines=0, rows=0, rejects=0, known_lines=0)
    ]
    document = build(inputs, crowd.swept(), created_at=crowd.NOW)
    json.dumps(document, ensure_ascii=False).encode("utf-8")
    assert document["inputs"][0]["reader"] == "none"


def test_times_are_utc_with_a_z_whatever_the_zone_of_the_clock() -> None:
    clock = datetime(2026, 3, 9, 4, 0, tzinfo=timezone(timedelta(hours=2)))
    document = build([], crowd.swept(), created_at=clock)
    assert document["created_at"] == "2026-03-09T02:00:00Z"


def test_an_empty_lake_has_a_period_of_nothing() -> None:
    document = build([], crowd.swept(period=None), created_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert document["period"] == {"from": None, "to": None}
    assert validated(document) == []


def test_the_first_thousand_rejects_are_listed() -> None:
    many: Any = (SimpleNamespace(path="a", line=k, reason="r") for k in range(LISTED_REJECTS + 5))
    document = build([], crowd.swept(), created_at=crowd.NOW, rejects=many)
    assert len(document["rejects"]) == 1_000
    assert document["rejects"][-1]["line"] == 999


def test_campaigns_take_the_published_shape() -> None:
    campaign = {"id": "5b0c", "severity": 5, "accounts": ["a1"], "score": math.nan}
    document = build([], crowd.swept(campaigns=(campaign,)), created_at=crowd.NOW)
    assert document["campaigns"][0]["score"] is None
    assert document["campaigns"][0]["first_alert_at"] is None
    assert validated(document) == []


def test_a_severity_outside_the_scale_is_refused() -> None:
    with pytest.raises(ValidationError, match="severity"):
        made(accounts=({"account_id": "a", "severity": 6},))


def test_the_report_keeps_to_its_own_schema() -> None:
    assert validated(made()) == []
    assert report_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("findings", 0, "severity"), 0),
        (("findings", 0, "first_seen"), "2026-03-05 01:00"),
        (("detectors", 0, "answered"), "maybe"),
        (("schema",), "stillhunt.report/2"),
        (("inputs", 0, "lines"), "many"),
        (("findings", 0, "statistic"), "large"),
    ],
)
def test_the_schema_refuses_what_the_interface_does_not_say(
    where: tuple[Any, ...], value: object
) -> None:
    document = made()
    place: Any = document
    for step in where[:-1]:
        place = place[step]
    place[where[-1]] = value
    assert validated(document) != []
    del place[where[-1]]
    assert any("missing" in fault for fault in validated(document)) or where == ("schema",)


def test_severities_are_read_back_as_the_noun() -> None:
    assert {type(one.severity) for one in read_findings(made())} == {Severity}


def test_the_shape_reads_what_it_wrote() -> None:
    document = made()
    assert shape.Report.model_validate(document).model_dump(mode="json", by_alias=True) == document


def validated(document: dict[str, Any]) -> list[str]:
    """Return what is wrong with *document*, by the parts of JSON Schema that we use."""
    schema = report_schema()
    return list(_faults(document, schema, schema["$defs"], "$"))


def _faults(value: Any, schema: dict[str, Any], known: dict[str, Any], at: str) -> Any:
    if "$ref" in schema:
        yield from _faults(value, known[schema["$ref"].rpartition("/")[2]], known, at)
    if "anyOf" in schema and all(list(_faults(value, s, known, at)) for s in schema["anyOf"]):
        yield f"{at}: none of anyOf"
    kinds: dict[str, Any] = {
        "object": dict, "array": list, "string": str, "integer": int, "number": (int, float),
        "boolean": bool, "null": type(None),
    }  # fmt: skip
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):
        yield f"{at}: not {schema['type']}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{at}: not {schema['const']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: not of {schema['enum']}"
    if isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get(
        "maximum", value
    ):
        yield f"{at}: out of bounds"
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{at}: not {schema['pattern']}"
    if isinstance(value, dict):
        yield from (f"{at}.{k}: missing" for k in schema.get("required", ()) if k not in value)
        for key, inner in value.items():
            more = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
            yield from _faults(inner, more if isinstance(more, dict) else {}, known, f"{at}.{key}")
    if isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _faults(inner, schema.get("items", {}), known, f"{at}[{place}]")

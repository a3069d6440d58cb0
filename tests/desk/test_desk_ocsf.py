"""Findings as OCSF 1.8 Detection Finding, checked against the published schema, offline."""

import json
import math
from functools import cache
from typing import Any

import jsonschema
import pytest
from desk_kit import HOSTILE, TS, finding
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as hypothesis_settings
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from stillhunt.desk.ocsf import Analytic, detection_finding, known_analytics
from stillhunt.hunt.atlas import versions
from stillhunt.hunt.tail.novelty import NAME as NOVELTY
from stillhunt.model.finding import Finding, Severity

ATLAS = ("AML.T0024.002", "AML.T0040", "AML.M0004", "AML.CS0056")
KNOWN = {
    "volume": Analytic(kind=1, title="Volume", description="Takes a lot.", version="3",
                       atlas=ATLAS, labels=("LLM06:2026",)),
}  # fmt: skip


@cache
def validator() -> Any:  # noqa: ANN401 - jsonschema has no types
    made = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.8.0"))
    return jsonschema.Draft202012Validator(
        made.get_class_schema(class_name="detection_finding", profiles=[])
    )


def event(item: Finding, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - arguments
    made = detection_finding(item, analytics=KNOWN, **more)
    validator().validate(json.loads(json.dumps(made, allow_nan=False)))
    return made


def test_a_finding_is_a_valid_event_and_says_what_it_is() -> None:
    item = finding()
    made = event(item)
    assert (made["class_uid"], made["type_uid"], made["activity_id"]) == (2004, 200401, 1)
    assert made["metadata"]["version"] == "1.8.0"
    assert made["metadata"]["uid"] == made["finding_info"]["uid"] == item.id
    assert (made["severity_id"], made["severity"]) == (4, "High")
    assert (made["status_id"], made["confidence_id"]) == (1, 0)
    assert made["time"] == made["finding_info"]["last_seen_time"] == (TS + 60_000_000) // 1_000
    assert made["finding_info"]["first_seen_time"] == TS // 1_000
    assert made["finding_info"]["related_events_count"] == 5_001
    assert made["finding_info"]["analytic"] == {
        "uid": "volume", "name": "Volume", "type_id": 1, "type": "Rule", "category": "usage",
        "version": "3", "desc": "Takes a lot.",
    }  # fmt: skip


def test_a_later_state_of_a_finding_is_an_update() -> None:
    made = event(finding(), update=True)
    assert (made["type_uid"], made["activity_name"]) == (200402, "Update")


def test_only_techniques_of_atlas_become_attacks() -> None:
    both, one = event(finding())["finding_info"]["attacks"]
    assert (both["technique"]["uid"], both["sub_technique"]["uid"]) == (
        "AML.T0024", "AML.T0024.002",
    )  # fmt: skip
    assert one["technique"]["uid"] == "AML.T0040"
    assert one["technique"]["name"]
    assert one["version"] == versions()["atlas"]
    assert event(finding())["metadata"]["labels"] == ["LLM06:2026"]


def test_the_subject_can_be_searched_for_and_the_figures_checked() -> None:
    made = event(finding())
    (evidence,) = made["evidences"]
    assert evidence["actor"] == {"user": {"uid": "a1"}}
    assert evidence["src_endpoint"] == {"ip": "192.0.2.1"}
    assert evidence["data"]["figures"]["total_requests"] == 5_001
    assert evidence["data"]["statistic"] == 1.5
    assert made["resources"] == [{"uid": "a1", "type": "Account"}]
    assert [(o["name"], o["value"], o["type_id"]) for o in made["observables"]] == [
        ("evidences[0].actor.user.uid", "a1", 31),
        ("evidences[0].src_endpoint.ip", "192.0.2.1", 2),
    ]


def test_every_pointer_of_an_observable_leads_to_its_value() -> None:
    subject = {"account_id": "a1", "key_hash": "0f" * 16, "source_ip": "2001:db8::1",
               "source_prefix": "2001:db8::/48", "user_agent": "x", "org_id": "o", "asn": 64_500,
               "country": None}  # fmt: skip
    for told in (subject, {k: v for k, v in subject.items() if k != "account_id"}):
        made = event(finding(subject=told, peer={"account_id": "a2"}))
        assert len(made["observables"]) == sum(v is not None for v in told.values()) + 1
        for one in made["observables"]:
            found: Any = made
            for step in one["name"].replace("[", ".").replace("]", "").split("."):
                found = found[int(step)] if step.isdigit() else found[step]
            assert str(found) == one["value"]


def test_a_finding_about_two_has_both_as_evidence_and_resources() -> None:
    made = event(finding(peer={"account_id": "a2"}))
    assert [one["uid"] for one in made["resources"]] == ["a1", "a2"]
    assert made["evidences"][1]["actor"]["user"]["uid"] == "a2"


def test_an_allowed_finding_is_suppressed_with_its_reason() -> None:
    made = event(finding(allowed="migration"))
    assert (made["status"], made["status_detail"]) == ("Suppressed", "migration")


def test_a_statistic_that_is_no_number_is_unknown() -> None:
    made = event(finding(statistic=math.nan, evidence={"ratio": math.inf}))
    assert made["evidences"][0]["data"]["statistic"] is None
    assert made["evidences"][0]["data"]["figures"]["ratio"] is None


def test_an_address_that_is_none_stays_a_word() -> None:
    made = event(finding(subject={"source_ip": "unknown"}))
    assert "src_endpoint" not in made["evidences"][0]
    assert [one["type_id"] for one in made["observables"]] == [99]


def test_a_detector_that_nobody_knows_is_called_by_its_name() -> None:
    assert event(finding(detector="mine"))["finding_info"]["title"] == "mine"


def test_a_detector_of_the_tail_has_its_title_and_kind() -> None:
    info = detection_finding(finding(detector=NOVELTY))["finding_info"]
    assert info["title"].startswith("Template novelty: prompts that nobody sent before")
    assert (info["analytic"]["type"], info["analytic"]["type_id"]) == ("Behavioral", 2)
    assert info["analytic"]["desc"]


def test_every_shipped_rule_and_detector_is_known_and_makes_valid_events() -> None:
    known = known_analytics()
    assert {"volume", "burst", "cadence", "repetition"} <= set(known)
    for name, about in known.items():
        made = detection_finding(finding(detector=name))
        validator().validate(made)
        assert made["finding_info"]["title"] == about.title != ""


def test_a_name_of_a_megabyte_makes_no_event_of_a_megabyte() -> None:
    made = event(finding(subject={"account_id": "x" * 1_000_000}))
    assert len(json.dumps(made)) < 20_000


TEXTS = strategies.one_of(strategies.text(max_size=20), strategies.just(HOSTILE))
VALUES = strategies.one_of(strategies.none(), strategies.booleans(), TEXTS,
                           strategies.integers(), strategies.floats())  # fmt: skip
COLUMNS = strategies.sampled_from(
    ["account_id", "source_ip", "key_hash", "org_id", "user_agent", "source_prefix", "other"]
)


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    strategies.dictionaries(COLUMNS, VALUES), strategies.dictionaries(TEXTS, VALUES, max_size=4),
    strategies.sampled_from(Severity), strategies.none() | TEXTS,
)  # fmt: skip
def test_no_subject_and_no_figures_make_an_invalid_event(
    subject: dict[str, Any], evidence: dict[str, Any], severity: Severity, allowed: str | None
) -> None:
    event(finding(subject=subject, evidence=evidence, severity=severity, allowed=allowed))


@pytest.mark.parametrize("severity", Severity)
def test_severity_keeps_its_number_and_name(severity: Severity) -> None:
    made = event(finding(severity=severity))
    assert (made["severity_id"], made["severity"].upper()) == (severity, severity.name)

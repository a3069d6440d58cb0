"""Findings as syslog messages, taken apart by the grammar of RFC 5424."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from desk_kit import HOSTILE, finding, syslog_server
from hypothesis import given, strategies
from hypothesis import settings as hypothesis_settings

from stillhunt.desk.sinks.syslog import Syslog
from stillhunt.model.errors import DeliveryError
from stillhunt.model.finding import Severity

# RFC 5424 section 6: header, one element of structured data, message.
MESSAGE = re.compile(
    rb"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([!-~]{1,255}) ([!-~]{1,48})"
    rb" ([!-~]{1,128}) ([!-~]{1,32}) "
    rb'\[([!-<>-\\^-~]{1,32})((?: [!#-<>-\\^-~]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*)\] ([ -~]*)'
)
PARAMETER = re.compile(rb'([^ ="]+)="((?:[^"\\\]]|\\["\\\]])*)"')


def sink(address: str = "unix:///dev/log", **more: Any) -> Syslog:  # noqa: ANN401 - options
    options = Syslog.Options.model_validate({"address": address, "timeout_s": 5} | more)
    return Syslog(options, clock=lambda: 1_780_000_100.25)


def taken_apart(message: bytes) -> tuple[list[bytes], dict[str, str]]:
    match = MESSAGE.fullmatch(message)
    assert match, message
    told = {
        name.decode(): re.sub(r"\\(.)", r"\1", value.decode())
        for name, value in PARAMETER.findall(match[8])
    }
    return list(match.groups()), told


def test_a_message_says_when_how_grave_and_about_whom() -> None:
    header, told = taken_apart(sink().message(finding()))
    assert header[:2] == [b"131", b"2026-05-28T20:28:20.250Z"]  # local0 error
    assert (header[3], header[5], header[6]) == (b"stillhunt", b"volume", b"stillhunt@32473")
    assert told == {"id": finding().id, "detector": "volume", "family": "usage",
                    "severity": "4", "n": "5001", "account_id": "a1",
                    "source_ip": "192.0.2.1"}  # fmt: skip
    assert header[8] == (
        b"high volume: account_id=a1 source_ip=192.0.2.1; statistic 1.5 over 5,001 exchanges, "
        b"2026-05-28T20:26:40Z to 2026-05-28T20:27:40Z"
    )


@pytest.mark.parametrize(
    ("severity", "facility", "priority"),
    [(1, "local0", 134), (2, "local0", 133), (3, "user", 12), (4, "local7", 187), (5, "auth", 34)],
)
def test_graver_is_a_lower_number(severity: int, facility: str, priority: int) -> None:
    message = sink(facility=facility).message(finding(severity=severity))
    assert message.startswith(b"<%d>1 " % priority)


def test_ocsf_is_the_message_and_is_json() -> None:
    header, _ = taken_apart(sink(format="ocsf").message(finding()))
    assert json.loads(header[8])["finding_info"]["uid"] == finding().id


def test_json_that_does_not_fit_is_refused_and_never_cut() -> None:
    item = finding(evidence={str(i): "x" * 500 for i in range(600)})
    with pytest.raises(DeliveryError, match="with short names; longest is 8,192: raise it"):
        sink(format="ocsf").message(item)
    assert sink(format="ocsf", longest=65_000).message(item).endswith(b"}")


@pytest.mark.parametrize("name", ["\U0001f600" * 1_000, "<" * 1_000_000, "x\n" * 500, HOSTILE * 9])
def test_no_name_keeps_a_finding_from_the_receiver(name: str) -> None:
    subject = {"account_id": name, "source_ip": "2001:db8:1111:2222:3333:4444:5555:6666",
               "key_hash": "0f" * 16}  # fmt: skip
    item = finding(subject=subject, peer={"account_id": name}, evidence={"path": name})
    message = sink(format="ocsf").message(item)
    assert len(message) <= 8_192
    header, _ = taken_apart(message)
    told = json.loads(header[8])
    assert told["metadata"]["uid"] == told["finding_info"]["uid"] == item.id
    assert told["evidences"][0]["src_endpoint"] == {"ip": subject["source_ip"]}
    assert told["evidences"][0]["data"]["subject"]["key_hash"] == subject["key_hash"]
    assert told["evidences"][0]["actor"]["user"]["uid"][0] == name[0]


def test_names_are_only_cut_as_far_as_they_must() -> None:
    def account(length: int) -> str:
        item = finding(subject={"account_id": "\u00e9" * length})
        header, _ = taken_apart(sink(format="ocsf").message(item))
        return str(json.loads(header[8])["resources"][0]["uid"])

    assert account(100) == "\u00e9" * 100
    assert len(account(1_000)) == 42  # of six bytes each: 252 of 256
    assert "\N{HORIZONTAL ELLIPSIS}" in account(1_000)


def test_a_line_for_people_is_cut_where_the_receiver_would() -> None:
    item = finding(subject={f"column{i}": "x" * 500 for i in range(60)})
    assert len(sink(longest=2_048).message(item)) <= 2_048


def test_over_tcp_a_message_says_its_length_first(tmp_path: Path) -> None:
    with syslog_server("tcp", tmp_path) as server:
        sink(server.address).deliver(finding())
        server.came.wait(5)
        length, _, message = server.got[0].partition(b" ")
    assert int(length) == len(message)
    taken_apart(message)


def test_an_address_of_version_6_is_one() -> None:
    assert sink("udp://[2001:db8::1]:514").options.address == "udp://[2001:db8::1]:514"


@pytest.mark.parametrize(
    "address", ["/dev/log", "udp://", "http://192.0.2.1", "udp://x:99999", "unix://x/y", ""]
)
def test_what_is_no_address_is_refused_with_examples(address: str) -> None:
    with pytest.raises(ValueError, match="give udp://HOST:514"):
        sink(address)


NAMES = strategies.one_of(strategies.text(max_size=60), strategies.just(HOSTILE))


@hypothesis_settings(max_examples=150, deadline=None)
@given(strategies.dictionaries(NAMES, NAMES, max_size=4), NAMES, strategies.sampled_from(Severity))
def test_no_name_breaks_the_grammar(
    subject: dict[str, str], detector: str, severity: Severity
) -> None:
    item = finding(subject=subject, detector=detector, severity=severity)
    for form in ("finding", "ocsf"):
        header, told = taken_apart(sink(format=form, longest=65_000).message(item))
        assert told["id"] == item.id
        assert header[6] == b"stillhunt@32473"

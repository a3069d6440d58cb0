"""Findings as OCSF 1.8 Detection Finding (class 2004), which SIEMs and lakes understand.

Severity is the rule's own. Confidence is Unknown: nothing has measured it yet, and a p-value
is not one. What a finding is about stands in ``evidences`` and ``resources``, and again in
``observables``, which is what analysts search. Figures stand in ``evidences[0].data``.
Source: Open Cybersecurity Schema Framework 1.8.0, class Detection Finding.
"""

import importlib
import inspect
import ipaddress
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from stillhunt import __version__
from stillhunt.desk.wording import one_line, shortened
from stillhunt.hunt.atlas import techniques, versions
from stillhunt.hunt.report.document import finding_line
from stillhunt.model.finding import Finding, Value
from stillhunt.registry import parts

__all__ = ["OCSF_VERSION", "Analytic", "detection_finding", "known_analytics"]

OCSF_VERSION = "1.8.0"
CLASS, CATEGORY = 2004, 2
CREATE, UPDATE = 1, 2
NEW, SUPPRESSED = 1, 3
RULE, BEHAVIORAL = 1, 2
LIVE = {"template_novelty": "stillhunt.hunt.tail.novelty"}
"""Detectors that only the tail has -> their file; they are no parts."""
SUB_TECHNIQUE = re.compile(r"(AML\.T\d{4})\.\d{3}")
IP_ADDRESS, USER_AGENT, SUBNET, CREDENTIAL, USER_UID, OTHER = 2, 16, 12, 19, 31, 99
"""Kinds of observable, ``observable.type_id``."""


@dataclass(frozen=True, kw_only=True)
class Analytic:
    """What OCSF wants to know of the rule or detector behind a finding."""

    kind: int
    """``analytic.type_id``: 1 rule, 2 behavioral."""
    title: str
    description: str = ""
    version: str = ""
    atlas: tuple[str, ...] = ()
    """MITRE ATLAS ids; only techniques have a place in OCSF."""
    labels: tuple[str, ...] = ()
    """Ids of other lists, such as OWASP's."""


@cache
def known_analytics() -> Mapping[str, Analytic]:
    """Return every shipped rule and detector by name, those of the tail as well."""
    from stillhunt.hunt.rule import load_rules  # noqa: PLC0415 - pyarrow comes with it

    found = {
        rule.name: Analytic(
            kind=RULE,
            title=rule.title,
            description=rule.description.strip(),
            version=str(rule.version),
            atlas=tuple(getattr(rule, "atlas", ())),
            labels=tuple(getattr(rule, "owasp", ())),
        )
        for rule in load_rules()
    }
    made = parts("stillhunt.hunt.detectors")
    modules = {name: sys.modules[part.__module__] for name, part in made.items()}
    modules |= {name: importlib.import_module(module) for name, module in LIVE.items()}
    return found | {name: _detector(module) for name, module in modules.items()}


def _detector(module: ModuleType) -> Analytic:
    """Return what the docstring of a detector's file says of it."""
    title, _, text = (inspect.getdoc(module) or "").partition("\n")
    about = text.strip().split("\n\n")[0]
    return Analytic(kind=BEHAVIORAL, title=title.rstrip("."), description=about)


def detection_finding(
    finding: Finding,
    *,
    update: bool = False,
    analytics: Mapping[str, Analytic] | None = None,
) -> dict[str, Any]:
    """Return *finding* as an event of OCSF 1.8.

    Args:
        finding: The finding.
        update: Whether an earlier state of it was sent before.
        analytics: What is known of rules and detectors; None is what is shipped. An unknown
            one is called by its name.
    """
    known = known_analytics() if analytics is None else analytics
    about = known.get(finding.detector, Analytic(kind=RULE, title=finding.detector))
    activity = UPDATE if update else CREATE
    severity = finding.severity.name.capitalize()
    event: dict[str, Any] = {
        "activity_id": activity,
        "activity_name": "Update" if update else "Create",
        "category_uid": CATEGORY,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": CLASS * 100 + activity,
        "time": _ms(finding.last_seen_us),
        "start_time": _ms(finding.first_seen_us),
        "end_time": _ms(finding.last_seen_us),
        "severity_id": int(finding.severity),
        "severity": severity,
        "confidence_id": 0,
        "confidence": "Unknown",
        "status_id": NEW if finding.allowed is None else SUPPRESSED,
        "status": "New" if finding.allowed is None else "Suppressed",
        "message": one_line(finding),
        "metadata": _metadata(finding, about),
        "finding_info": _finding_info(finding, about),
        "evidences": _evidences(finding),
        "resources": _resources(finding),
        "observables": _observables(finding),
    }
    if finding.allowed is not None:
        event["status_detail"] = finding.allowed
    ready: dict[str, Any] = shortened({key: one for key, one in event.items() if one != []})
    return ready


def _ms(moment_us: int) -> int:
    return moment_us // 1_000


def _metadata(finding: Finding, about: Analytic) -> dict[str, Any]:
    product = {"name": "Stillhunt", "vendor_name": "Stillhunt", "version": __version__}
    labels = {"labels": list(about.labels)} if about.labels else {}
    return {"version": OCSF_VERSION, "uid": finding.id, "product": product, **labels}


def _finding_info(finding: Finding, about: Analytic) -> dict[str, Any]:
    analytic: dict[str, Any] = {
        "uid": finding.detector,
        "name": about.title,
        "type_id": about.kind,
        "type": "Rule" if about.kind == RULE else "Behavioral",
        "category": finding.family,
    }
    if about.version:
        analytic["version"] = about.version
    if about.description:
        analytic["desc"] = about.description
    info: dict[str, Any] = {
        "uid": finding.id,
        "title": about.title,
        "types": [finding.family],
        "analytic": analytic,
        "created_time": _ms(finding.first_alert_us or finding.last_seen_us),
        "first_seen_time": _ms(finding.first_seen_us),
        "last_seen_time": _ms(finding.last_seen_us),
        "related_events_count": finding.n,
    }
    if attacks := [_attack(one) for one in about.atlas if one.startswith("AML.T")]:
        info["attacks"] = attacks
    return info


def _attack(uid: str) -> dict[str, Any]:
    """Return a technique of MITRE ATLAS; ``AML.T0024.002`` is a part of ``AML.T0024``."""
    version = versions()["atlas"]
    if whole := SUB_TECHNIQUE.fullmatch(uid):
        both = {"technique": _technique(whole[1]), "sub_technique": _technique(uid)}
        return {**both, "version": version}
    return {"technique": _technique(uid), "version": version}


def _technique(uid: str) -> dict[str, str]:
    name = techniques().get(uid)
    return {"uid": uid, "name": name} if name else {"uid": uid}


def _evidences(finding: Finding) -> list[dict[str, Any]]:
    """Return the subject with its figures, and the peer where the finding is about two."""
    line = finding_line(finding)
    data = {
        "subject": line.subject,
        "statistic": line.statistic,
        "exchanges": line.n,
        "p_value": line.p_value,
        "figures": line.evidence,
    }
    found = [{"name": "figures", "data": data, **_whom(finding.subject)}]
    if finding.peer is not None:
        found.append({"name": "peer", "data": {"subject": line.peer}, **_whom(finding.peer)})
    return found


def _whom(subject: Mapping[str, Value]) -> dict[str, Any]:
    """Return the account and the address of *subject* in OCSF's words."""
    user: dict[str, Any] = {}
    if account := _known(subject, "account_id"):
        user["uid"] = account
    if key := _known(subject, "key_hash"):
        user["credential_uid"] = key
    if org := _known(subject, "org_id"):
        user["org"] = {"uid": org}
    whom: dict[str, Any] = {}
    if account:  # OCSF's user has a name or a uid, else it is none
        whom["actor"] = {"user": user}
    if address := _address(subject):
        whom["src_endpoint"] = {"ip": address}
    return whom


def _known(subject: Mapping[str, Value], column: str) -> str | None:
    value = subject.get(column)
    return None if value in (None, "") else str(value)


def _address(subject: Mapping[str, Value]) -> str | None:
    """Return the address of *subject*, if it is one."""
    try:
        return str(ipaddress.ip_address(str(subject.get("source_ip", ""))))
    except ValueError:
        return None


def _resources(finding: Finding) -> list[dict[str, Any]]:
    """Return the accounts as resources: they are what a responder acts on."""
    whom = (finding.subject, finding.peer or {})
    accounts = [account for one in whom if (account := _known(one, "account_id"))]
    return [{"uid": account, "type": "Account"} for account in accounts]


def _observables(finding: Finding) -> list[dict[str, Any]]:
    """Return every known column of the subject and the peer, once, under the kind it has."""
    return [
        {"name": name, "value": value, "type_id": kind, "type": called}
        for index, subject in enumerate((finding.subject, finding.peer or {}))
        for name, value, kind, called in _observed(subject, f"evidences[{index}]")
    ]


def _observed(subject: Mapping[str, Value], at: str) -> Iterator[tuple[str, str, int, str]]:
    in_actor = "actor" in _whom(subject)
    key = f"{at}.actor.user.credential_uid" if in_actor else f"{at}.data.subject.key_hash"
    kinds = {
        "account_id": (f"{at}.actor.user.uid", USER_UID, "User Object: uid"),
        "key_hash": (key, CREDENTIAL, "User Credential ID"),
        "user_agent": (f"{at}.data.subject.user_agent", USER_AGENT, "HTTP User-Agent"),
        "source_prefix": (f"{at}.data.subject.source_prefix", SUBNET, "Subnet"),
    }
    for column in subject:
        value = _known(subject, column)
        if value is None:
            continue
        if column == "source_ip" and _address(subject):
            yield f"{at}.src_endpoint.ip", value, IP_ADDRESS, "IP Address"
        elif column in kinds:
            name, kind, called = kinds[column]
            yield name, value, kind, called
        else:
            yield f"{at}.data.subject.{column}", value, OTHER, column

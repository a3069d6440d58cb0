"""``[[allow]]``: findings that somebody agreed to. They stay in the list, marked as allowed."""

import dataclasses
import datetime
import ipaddress
from collections.abc import Collection, Iterable, Mapping, Sequence

from stillhunt.hunt.settings import Allow
from stillhunt.model.errors import ConfigError
from stillhunt.model.finding import DAY_US, Finding
from stillhunt.settings import near

__all__ = ["SUBJECTS", "apply_allow", "check_allow"]

SUBJECTS = ("account_id", "source_ip", "org_id", "source_prefix")
"""Keys of an entry that name a subject; all that are given have to match."""

Orgs = Mapping[str, Collection[str]]
"""Account -> the organisations it is known under."""


def check_allow(entries: Sequence[Allow], detectors: Collection[str]) -> None:
    """Refuse entries that mean nothing, before anything is hunted.

    Args:
        entries: The settings' ``[[allow]]`` tables.
        detectors: Names of all rules and detectors.

    Raises:
        ConfigError: An entry names no subject (it would allow everybody), an unknown
            detector, or a prefix that is none.
    """
    for number, entry in enumerate(entries, 1):
        if not _given(entry):
            raise ConfigError(f"allow entry {number} names no subject; give {_listed(SUBJECTS)}")
        for name in entry.detectors:
            if name not in detectors:
                raise ConfigError(
                    f"allow entry {number}: there is no detector {name!r}{near(name, detectors)}"
                )
        if entry.source_prefix is not None:
            _network(entry.source_prefix, f"allow entry {number}: source_prefix")


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _network(text: str, what: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ConfigError(f"{what} is {text!r}; give one such as 192.0.2.0/24") from error


def _given(entry: Allow) -> dict[str, str]:
    return {key: value for key in SUBJECTS if (value := getattr(entry, key)) is not None}


def apply_allow(
    findings: Iterable[Finding], entries: Sequence[Allow], orgs: Orgs | None = None
) -> tuple[Finding, ...]:
    """Return *findings*, those that an entry covers with its reason as ``allowed``.

    An entry covers a finding whose subject has every key that the entry gives, with the same
    value; an address also matches a ``source_prefix`` that it lies in, and an account the
    only organisation that it is known under. ``expires`` is the last day, UTC, of log time:
    a finding last seen on the day after is not covered. The first entry that fits counts.
    """
    return tuple(_marked(finding, entries, orgs or {}) for finding in findings)


def _marked(finding: Finding, entries: Sequence[Allow], orgs: Orgs) -> Finding:
    for entry in entries:
        if _covers(entry, finding, orgs):
            return dataclasses.replace(finding, allowed=entry.reason)
    return finding


def _covers(entry: Allow, finding: Finding, orgs: Orgs) -> bool:
    if entry.detectors and finding.detector not in entry.detectors:
        return False
    if entry.expires is not None and _day(finding.last_seen_us) > entry.expires:
        return False
    given = _given(entry)
    return bool(given) and all(_matches(key, value, finding, orgs) for key, value in given.items())


def _day(us: int) -> datetime.date:
    return datetime.date(1970, 1, 1) + datetime.timedelta(days=us // DAY_US)


def _matches(key: str, value: str, finding: Finding, orgs: Orgs) -> bool:
    subject = finding.subject
    if key in subject:
        return subject[key] == value
    if key == "source_prefix":
        return _lies_in(str(subject.get("source_ip") or ""), value)
    if key == "org_id":
        return set(orgs.get(str(subject.get("account_id")), ())) == {value}
    return False


def _lies_in(address: str, prefix: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(prefix)
    except ValueError:
        return False

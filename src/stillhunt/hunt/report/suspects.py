"""Who the findings are about, worst first.

Several detectors speak of one account under different subjects (account and address,
address, prefix); here their findings are put together under one name each.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from stillhunt.hunt.report.figures import us
from stillhunt.model.finding import Finding, Severity

__all__ = ["KINDS", "Suspect", "began_us", "name_of", "notable", "rank"]

KINDS = ("account_id", "org_id", "key_hash", "source_ip", "source_prefix")
"""Subject columns that can name somebody, the most telling first."""


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """One name and what was claimed of it; allowed findings do not count."""

    kind: str
    """One of ``KINDS``, or the first column of a foreign detector's subject."""
    name: str
    severity: Severity
    findings: tuple[Finding, ...]
    """Gravest first."""

    @property
    def detectors(self) -> tuple[str, ...]:
        """Return the detectors that point here, gravest first, each once."""
        return tuple(dict.fromkeys(finding.detector for finding in self.findings))

    @property
    def families(self) -> tuple[str, ...]:
        """Return the evidence families, sorted."""
        return tuple(sorted({finding.family for finding in self.findings}))

    @property
    def first_seen_us(self) -> int:
        """Return the start of the earliest episode [us since epoch]."""
        return min(began_us(finding) for finding in self.findings)

    @property
    def last_seen_us(self) -> int:
        """Return the end of the latest episode [us since epoch]."""
        return max(finding.last_seen_us for finding in self.findings)


def began_us(finding: Finding) -> int:
    """Return since when *finding* holds [us since epoch].

    The episode of a look-back rule may have begun before its window; the rule says so in its
    evidence.
    """
    told = finding.evidence.get("episode_began")
    try:
        return min(finding.first_seen_us, us(str(told))) if told else finding.first_seen_us
    except (TypeError, ValueError):  # a foreign detector's own idea of a time
        return finding.first_seen_us


def name_of(finding: Finding) -> tuple[str, str]:
    """Return (kind, name) of whom *finding* is about."""
    for kind in KINDS:
        value = finding.subject.get(kind)
        if value is not None:
            return kind, str(value)
    kind, value = next(iter(finding.subject.items()), ("subject", None))
    return kind, str(value)


def rank(findings: Iterable[Finding]) -> tuple[Suspect, ...]:
    """Return everybody with a finding that is not allowed, the gravest first."""
    grouped: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        if finding.allowed is None:
            grouped.setdefault(name_of(finding), []).append(finding)
    return tuple(sorted((_suspect(*item) for item in grouped.items()), key=_gravity))


def notable(suspects: Iterable[Suspect]) -> tuple[Suspect, ...]:
    """Return those of severity medium or more; where there are none, all of them.

    Pictures mark these: a weak sign must not look like an accusation beside a grave one.
    """
    several = tuple(suspects)
    return tuple(one for one in several if one.severity >= Severity.MEDIUM) or several


def _suspect(key: tuple[str, str], findings: list[Finding]) -> Suspect:
    findings.sort(key=lambda one: (-one.severity, -one.statistic, one.detector, one.id))
    return Suspect(
        kind=key[0], name=key[1], severity=findings[0].severity, findings=tuple(findings)
    )


def _gravity(one: Suspect) -> tuple[int, int, int, int, str]:
    place = KINDS.index(one.kind) if one.kind in KINDS else len(KINDS)
    return (-one.severity, -len(one.families), -len(one.detectors), place, one.name)

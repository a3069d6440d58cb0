"""Which accounts to look at first, until campaigns are calibrated.

A ranking, not a verdict: nobody stands above low here, whatever the findings say.
"""

import math
from collections.abc import Iterable
from typing import Any

from stillhunt.model.finding import Finding, Severity

__all__ = ["rank_accounts"]


def rank_accounts(findings: Iterable[Finding]) -> tuple[dict[str, Any], ...]:
    """Return every account with a finding of severity low or more, the highest score first.

    The score is the sum over evidence families of ln(1 + the largest statistic in the
    family): detectors of one family see the same thing, so they do not add up. It is not
    calibrated: statistics of different detectors have different units. Findings that are
    allowed, and those of addresses alone, do not count.
    """
    own: dict[str, list[Finding]] = {}
    for finding in findings:
        account = finding.subject.get("account_id")
        if account is not None and finding.allowed is None:
            own.setdefault(str(account), []).append(finding)
    ranked = [
        _account(account, theirs)
        for account, theirs in own.items()
        if any(finding.severity >= Severity.LOW for finding in theirs)
    ]
    return tuple(sorted(ranked, key=lambda one: (-one["score"], one["account_id"])))


def _account(account: str, findings: Iterable[Finding]) -> dict[str, Any]:
    largest: dict[str, float] = {}
    for finding in findings:
        largest[finding.family] = max(largest.get(finding.family, 0.0), finding.statistic)
    families = {name: math.log1p(largest[name]) for name in sorted(largest)}
    return {
        "account_id": account,
        "severity": int(Severity.LOW),
        "score": sum(families.values()),
        "q_value": None,
        "campaign_id": None,
        "families": families,
    }

"""Which accounts to look at first: those that campaigns name, then those with findings.

Findings alone are a ranking, not a verdict: they lift nobody above low, whatever they say.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from stillhunt.model.finding import Finding, Severity

__all__ = ["rank_accounts"]


def rank_accounts(
    findings: Iterable[Finding], named: Mapping[str, Mapping[str, Any]] | None = None
) -> tuple[dict[str, Any], ...]:
    """Return every account with a finding of severity low or more, the highest score first.

    Accounts that campaigns name stand before all others, with what is said of them there.

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
    named = named or {}
    ranked = [
        _account(account, theirs)
        for account, theirs in own.items()
        if account not in named and any(f.severity >= Severity.LOW for f in theirs)
    ]
    first = sorted(named.values(), key=lambda one: (-one["severity"], -one["score"]))
    rest = sorted(ranked, key=lambda one: (-one["score"], one["account_id"]))
    return tuple(dict(one) for one in (*first, *rest))


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

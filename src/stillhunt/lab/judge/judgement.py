"""The judgement: a case put into figures, with their intervals and what they cannot say."""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from stillhunt import __version__
from stillhunt.lab.judge import shape
from stillhunt.lab.judge.accounts import Accounts
from stillhunt.lab.judge.bootstrap import FEWEST, Clusters
from stillhunt.lab.judge.case import Case
from stillhunt.lab.judge.figures import (
    BASE_RATES,
    FPRS,
    at_severity,
    by_exchanges,
    honest_kinds,
    known,
    parts,
    score,
)
from stillhunt.lab.judge.groups import groups_of
from stillhunt.lab.judge.metrics import Flags, Floats, least_honest, upper_rate
from stillhunt.lab.judge.reliability import brier, expected_error, reliability

__all__ = ["Bootstrap", "conclude"]

Q_BOUNDS = (0.001, 0.01, 0.05, 0.1)


@dataclass(frozen=True, kw_only=True)
class Bootstrap:
    """How intervals are drawn."""

    rounds: int = 400
    """Samples; the ends of a 95 % interval then rest on ten samples each."""
    seed: int = 0


def conclude(
    case: Case, *, unseen: Collection[str] = (), bootstrap: Bootstrap = Bootstrap()
) -> shape.Judgement:  # fmt: skip
    """Return the judgement of *case*.

    Args:
        case: One population, or several pooled.
        unseen: Names of campaign types that the hunt was not fitted on.
        bootstrap: How intervals are drawn.
    """
    accounts = case.accounts
    drawn = {"rounds": bootstrap.rounds, "seed": bootstrap.seed}
    return shape.Judgement(
        version=__version__,
        population=_population(case),
        score=score(accounts, accounts.score, **drawn),
        at_severity=list(at_severity(accounts, **drawn)),
        honest=honest_kinds(accounts),
        campaigns=_campaigns(case),
        groups=list(case.groups),
        by_campaign=parts(accounts, _by_campaign(accounts)),
        by_exchanges=parts(accounts, by_exchanges(accounts)),
        by_familiarity=parts(accounts, _by_familiarity(accounts, unseen)),
        honest_tokens_stopped=case.honest_tokens_stopped,
        reliability=_reliability(case),
        baselines=[
            shape.Baseline(
                name=name, title=case.titles.get(name, name),
                score=score(accounts, scores, **drawn),
            )
            for name, scores in case.rivals.items()
        ],
        notes=list(_notes(case)),
    )  # fmt: skip


def _population(case: Case) -> shape.Population:
    accounts = case.accounts
    return shape.Population(
        known=case.known,
        accounts=len(accounts),
        attackers=int(accounts.is_attack.sum()),
        honest=int(accounts.is_honest.sum()),
        distinct_honest=accounts.distinct_honest,
        base_rate=float(accounts.is_attack.mean()),
        tenants=len(set(accounts.tenant[accounts.is_honest])),
        groups=len(groups_of(accounts)),
        strangers=case.strangers,
        activity="exchanges" if case.activity == "exchanges" else "truth",
    )


def _campaigns(case: Case) -> shape.Campaigns:
    named = [one.purity for one in case.groups if one.named]
    whole = [one.completeness for one in case.groups]
    return shape.Campaigns(
        groups=len(case.groups),
        found=sum(one.is_found for one in case.groups),
        least_severity=case.least_severity,
        purity=float(np.mean(named)) if named else None,
        completeness=float(np.mean(whole)) if whole else None,
        false=list(case.false),
    )


def _by_campaign(accounts: Accounts) -> dict[str, Flags]:
    names = sorted(set(accounts.campaign[accounts.is_attack]))
    return {name: accounts.campaign == name for name in names}


def _by_familiarity(accounts: Accounts, unseen: Collection[str]) -> dict[str, Flags]:
    if not unseen:
        return {}
    is_unseen = np.isin(accounts.campaign.astype(str), list(unseen)) & accounts.is_attack
    return {"seen": accounts.is_attack & ~is_unseen, "unseen": is_unseen}


def _reliability(case: Case) -> shape.Reliability:
    said = np.array([confidence for confidence, _ in case.claims])
    true = np.array([is_true for _, is_true in case.claims], dtype=bool)
    accounts = case.accounts
    judged = ~np.isnan(accounts.q_value) & np.isfinite(accounts.score)
    odds: Floats = 1 / (1 + np.exp(-np.clip(accounts.score[judged], -500, 500)))
    of_campaigns = reliability(said, true)
    of_accounts = reliability(odds, accounts.is_attack[judged])
    both = np.concatenate([said, odds]), np.concatenate([true, accounts.is_attack[judged]])
    return shape.Reliability(
        campaigns=[shape.ReliabilityBin(**vars(one)) for one in of_campaigns],
        accounts=[shape.ReliabilityBin(**vars(one)) for one in of_accounts],
        expected_error=known(expected_error([*of_campaigns, *of_accounts])),
        brier=known(brier(*both)),
        q_values=list(_q_values(accounts)),
    )


def _q_values(accounts: Accounts) -> Iterator[shape.QValues]:
    for bound in Q_BOUNDS:
        named = accounts.q_value <= bound
        if named.any():
            honest = int((named & accounts.is_honest).sum())
            yield shape.QValues(
                bound=bound, accounts=int(named.sum()), honest=honest,
                share=honest / int(named.sum()),
            )  # fmt: skip


def _notes(case: Case) -> Iterator[str]:
    """Yield what the figures cannot say, in sentences."""
    accounts = case.accounts
    honest, attackers = accounts.distinct_honest, int(accounts.is_attack.sum())
    for fpr in FPRS:
        if honest < (needed := least_honest(fpr)):
            yield (
                f"{honest:,} honest accounts cannot show a false positive rate of {fpr:g}: it"
                f" takes {needed:,}; recall_at_zero is what these can show"
            )
    if honest:
        bound = upper_rate(0, honest)
        for rate in BASE_RATES:
            best = rate / (rate + (1 - rate) * bound)
            if best < 0.99:  # noqa: PLR2004 - the precision that is asked for
                yield (
                    f"with {honest:,} honest accounts and none of them accused, the most that"
                    f" can be claimed (95 %) at a base rate of {rate:g} is a precision of"
                    f" {math.floor(best * 1000) / 1000:g}"
                )
    if not attackers:
        yield "nobody attacks here: there is no recall, only false accusations"
    clusters = Clusters.of_accounts(accounts)
    if attackers and min(clusters.groups, clusters.tenants) < FEWEST:
        yield (
            f"{clusters.groups} attacking groups and {clusters.tenants} honest tenants: no"
            f" intervals below {FEWEST} of each"
        )
    if case.activity == "truth":
        yield "no exchanges were given: every account counts as active, and as a tenant of its own"
    if case.strangers:
        yield (
            f"the report names {case.strangers:,} accounts that the truth does not know or that"
            " sent nothing; they count against the purity of campaigns and nowhere else"
        )
    if case.groups and all(one.tokens and not one.tokens.first_alert_at for one in case.groups):
        yield (
            "no campaign that is mostly one group has a first_alert_at: without a replay nobody"
            " knows what was taken before an alert"
        )

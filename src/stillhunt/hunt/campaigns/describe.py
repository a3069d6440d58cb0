"""A campaign as the report tells it: what was taken, what speaks for it, and what against.

Claims are sentences with the figures that they rest on. Counter-evidence is computed as
evidence is, and stands beside it: whoever decides at night must see both.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.hunt.campaigns.fusion import CLIP
from stillhunt.hunt.campaigns.links import KINDS
from stillhunt.hunt.campaigns.verdicts import COUNTS, Campaign
from stillhunt.hunt.report.figures import rfc3339
from stillhunt.sketch.likelihood import Ints

if TYPE_CHECKING:
    from stillhunt.hunt.campaigns.find import Hunted

__all__ = ["accounts_of", "campaigns_of"]

SPELLED = {
    "template": "the same template of a prompt", "system_template": "the same system prompt",
    "prefix_hash": "prompts that begin alike", "piece": "the same rare phrases",
    "reasoning_signature_hash": "reasoning signatures of each other",
    "source_ip": "the same address", "client": "the same rare client",
    "payment_hash": "the same card", "phone_hash": "the same phone number",
    "device_hash": "the same device", "sign_up": "a wave of sign-ups with one mail pattern",
}  # fmt: skip
OLD_DAYS = 90
DAY_US = 86_400_000_000
VERIFIED = {"business", "contract", "organisation"}
SOME = 0.2
"""Share of the members, or of the exchanges, from which on something speaks against."""


def accounts_of(hunted: "Hunted") -> dict[str, dict[str, Any]]:
    """Return what is said of each account that a campaign names, as ``shape.Account``."""
    ids = hunted.accounts.ids
    return {
        ids[one.account].as_py(): {
            "account_id": ids[one.account].as_py(),
            "severity": int(one.severity),
            "score": one.score,
            "q_value": one.q_value,
            "campaign_id": campaign.id,
            "families": {n: v for n, v in one.families.items() if v > 0},
        }
        for campaign in reversed(hunted.verdicts.campaigns)
        for one in campaign.members
    }


def campaigns_of(hunted: "Hunted", con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return the campaigns, as ``shape.Campaign``."""
    return [_campaign(hunted, con, one) for one in hunted.verdicts.campaigns]


def _campaign(hunted: "Hunted", con: duckdb.DuckDBPyConnection, one: Campaign) -> dict[str, Any]:
    named = np.array(sorted(member.account for member in one.members))
    rows = _linked(hunted, one, named)
    ts_us = hunted.groups.ts_us[rows]
    scores = np.array([member.score for member in one.members])
    return {
        "id": one.id,
        "severity": int(one.severity),
        "score": one.score,
        "confidence": float(1 / (1 + np.exp(-np.median(scores)))),
        "accounts": hunted.accounts.ids.take(pa.array(named)).to_pylist(),
        "possible": hunted.accounts.ids.take(
            pa.array(sorted(one.possible), pa.int64())
        ).to_pylist(),
        "families": one.families,
        "exchanges": len(rows),
        "output_tokens": int(hunted.groups.output_tokens[rows].sum()),
        "models": _models(hunted, con, rows),
        "first_seen": rfc3339(int(ts_us.min())),
        "last_seen": rfc3339(int(ts_us.max())),
        "first_alert_at": None,
        "evidence": list(_evidence(hunted, one, rows)),
        "counter_evidence": list(_counter_evidence(hunted, one, named, rows)),
    }


def _linked(hunted: "Hunted", one: Campaign, named: Ints) -> Ints:
    """Return the linked exchanges of the members, each once."""
    groups = hunted.groups
    mine = np.isin(groups.members.linked.group, one.groups) & np.isin(groups.account, named)
    rows = np.flatnonzero(mine)
    _, first = np.unique(
        np.stack([groups.account[rows], groups.ts_us[rows]]), axis=1, return_index=True
    )
    found: Ints = rows[first]
    return found


def _models(hunted: "Hunted", con: duckdb.DuckDBPyConnection, rows: Ints) -> dict[str, int]:
    """Return how many of the exchanges each model answered."""
    groups = hunted.groups
    keys = pa.table({"account": groups.account[rows], "ts_us": groups.ts_us[rows]})
    con.register("campaign_rows", keys)
    found = con.execute(
        """SELECT e.model, COUNT(*) FROM campaign_rows AS r
           JOIN coded AS c ON c.account = r.account
           JOIN exchanges AS e ON e.account_id = c.account_id AND e.ts_us = r.ts_us
           WHERE e.model IS NOT NULL
           GROUP BY e.model ORDER BY 2 DESC, 1 LIMIT 20"""
    ).fetchall()
    con.unregister("campaign_rows")
    return dict(found)


def _evidence(hunted: "Hunted", one: Campaign, rows: Ints) -> Iterator[dict[str, Any]]:
    groups, lead = hunted.groups, one.groups[0]
    shared = groups.shared
    tenants = hunted.accounts.n_tenants
    mine = np.flatnonzero(np.isin(shared.group, one.groups))
    for number in np.unique(shared.kind[mine]).tolist():
        kind = KINDS_BY_NAME[hunted.kinds[number]]
        of_kind = mine[shared.kind[mine] == number]
        users = int(shared.tenants[of_kind].max())
        yield {
            "family": kind.family,
            "detector": kind.name,
            "claim": f"{users:,} of {tenants:,} customers share {SPELLED[kind.name]}",
            "figures": {
                "values": len(of_kind), "tenants": users, "of": tenants,
                "exchanges": int(shared.exchanges[of_kind].max()),
            },
        }  # fmt: skip
    members = groups.members
    if one.families.get("time", 0.0) >= COUNTS:
        yield {
            "family": "time",
            "detector": "interchangeable",
            "claim": "the accounts are interchangeable: each asks as much as the others, and when"
            " the others ask, as accounts of unrelated people do not",
            "figures": {
                "nats_per_account": float(
                    hunted.evidence.of_groups["rhythm"][lead]
                    + hunted.evidence.of_groups["volume"][lead]
                ),
                "exchanges_per_account": float(members.n_of[lead] / members.accounts_of[lead]),
                "dispersion": float(hunted.evidence.dispersion[lead]),
            },
        }
    for family in ("identity", "infrastructure", "usage"):
        if one.families.get(family, 0.0) >= COUNTS:
            name = hunted.evidence.told_by[family][lead]
            yield {
                "family": family,
                "detector": name,
                "claim": f"the members are alike in {name.replace('_', ' ')} as strangers are not",
                "figures": {
                    "nats_per_account": float(hunted.evidence.of_groups[family][lead]),
                    "exchanges": len(rows),
                },
            }


def _counter_evidence(
    hunted: "Hunted", one: Campaign, named: Ints, rows: Ints
) -> Iterator[dict[str, Any]]:
    """Yield what a defender of these accounts would say."""
    accounts = hunted.accounts
    n = len(named)
    if one.possible:
        yield _against(
            "others use what the members share, and nothing else speaks against them",
            others=len(one.possible), members=n,
        )  # fmt: skip
    total = int(accounts.exchanges[named].sum())
    if total and 1 - len(rows) / total >= SOME:
        yield _against(
            "part of what the members ask is not what they share",
            unlinked=total - len(rows), exchanges=total,
        )  # fmt: skip
    lead = one.groups[0]
    worst = {f: float(v[lead]) for f, v in hunted.scores.group_terms.items() if v[lead] < -COUNTS}
    for family, nats in sorted(worst.items()):
        yield _against(f"{family} speaks for strangers", nats=nats, most=-CLIP)
    said = accounts.directory
    if not said.num_columns:
        return
    theirs = said.take(pa.array(named))
    yield from _from_directory(theirs, n, int(accounts.last_us.max()))


def _from_directory(theirs: pa.Table, n: int, now_us: int) -> Iterator[dict[str, Any]]:
    if "created_at_us" in theirs.column_names:
        ages = pc.divide(pc.subtract(now_us, theirs["created_at_us"]), DAY_US).drop_null()
        old = sum(age >= OLD_DAYS for age in ages.to_pylist())
        if old >= SOME * n:
            yield _against(f"accounts older than {OLD_DAYS} days", accounts=old, members=n)
    for name, what in (("org_id", "belong to a declared organisation"),
                       ("payment_hash", "have a means of payment of their own")):  # fmt: skip
        if name not in theirs.column_names:
            continue
        values = [value for value in theirs[name].to_pylist() if value is not None]
        if len(set(values)) >= SOME * n:
            yield _against(f"members {what}", accounts=len(set(values)), members=n)
    if "verification_level" in theirs.column_names:
        levels = [level in VERIFIED for level in theirs["verification_level"].to_pylist()]
        if sum(levels) >= SOME * n:
            yield _against("members are verified businesses", accounts=sum(levels), members=n)


def _against(claim: str, **figures: Any) -> dict[str, Any]:  # noqa: ANN401 - numbers by name
    return {"family": None, "detector": None, "claim": claim, "figures": figures}


KINDS_BY_NAME = {kind.name: kind for kind in KINDS}

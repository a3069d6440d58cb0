"""The account directory of a simulated population, and the truth about it."""

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa

from stillhunt.lab.arrivals import DAY_S

__all__ = ["DIRECTORY", "account_ids", "directory", "keys", "organisations"]

DIRECTORY = (
    "account_id", "created_at", "org_id", "tier", "declared_use", "payment_hash", "phone_hash",
    "device_hash", "email_domain", "country", "verification_level", "subject_id",
)  # fmt: skip
USES = {
    "person": ("personal", "writing", "study", "coding", "unknown"),
    "pipeline": ("customer support", "document processing", "retail", "media", "moderation"),
    "harvester": ("research", "education", "personal"),
}
TIERS = {
    "person": ("basic", "person", "person"),
    "pipeline": ("organisation", "organisation", "contract"),
    "harvester": ("basic", "person"),
}
LEVELS = {"basic": "email", "person": "phone", "organisation": "business", "contract": "contract"}
UNPAID = 1 / 3  # share of accounts on credits or invoices, with neither card nor phone on file
TOGETHER = 0.25  # share of people whose account belongs to an organisation of about eight


def account_ids(seed: int, name: str, count: int) -> list[str]:
    """Return ids that tell nothing about who is behind them."""
    return [f"acct_{_hash(seed, name, i, size=6)}" for i in range(count)]


def keys(ids: list[str]) -> pa.Array:
    """Return one key fingerprint for each account: 32 hex digits."""
    return pa.array([_hash(i, "key", size=16) for i in ids], pa.string())


def organisations(seed: int, name: str, kind: str, count: int) -> list[str | None]:
    """Return the organisation of each account, None for private ones."""
    rng = np.random.default_rng([seed, 41, len(name)])
    groups = rng.integers(0, max(1, count // (8 if kind == "person" else 2)), count)
    member = rng.random(count) < (TOGETHER if kind == "person" else 1)
    if kind == "harvester":
        member[:] = False
    return [
        f"org_{_hash(seed, kind, int(g), size=5)}" if m else None
        for g, m in zip(groups, member, strict=True)
    ]


def directory(
    *,
    seed: int,
    kind: str,
    ids: list[str],
    orgs: list[str | None],
    countries: list[str],
    start_s: int,
) -> list[dict[str, Any]]:
    """Return one record for each account, with the keys of ``DIRECTORY``.

    Accounts are older than *start_s*, the first moment of the simulation [s since epoch].
    """
    rng = np.random.default_rng([seed, 42, len(kind)])
    oldest = 3 if kind == "harvester" else 900  # days; an amateur signs up and starts
    ages = oldest * DAY_S * rng.random(len(ids)) ** 1.5 + 3600
    unpaid = rng.random(len(ids)) < UNPAID
    tiers = rng.integers(0, len(TIERS[kind]), len(ids))
    uses = rng.integers(0, len(USES[kind]), len(ids))
    hosts = rng.integers(1, 7, len(ids))
    records = []
    for i, account in enumerate(ids):
        tier = TIERS[kind][tiers[i]]
        org = orgs[i]
        payer = org if org and kind == "pipeline" else account
        person = kind == "person" and tier == "person"
        values = (
            account, _time(start_s - int(ages[i])), org, tier, USES[kind][uses[i]],
            None if unpaid[i] else _hash(payer, "card", size=8),
            None if unpaid[i] else _hash(account, "phone", size=8),
            _hash(account, "device", size=8) if kind != "pipeline" else None,
            f"{org[4:]}.example.com" if org else f"mail{hosts[i]}.example.net",
            countries[i], "none" if unpaid[i] and tier == "basic" else LEVELS[tier],
            f"subj_{_hash(account, 'subject', size=6)}" if person and not unpaid[i] else None,
        )  # fmt: skip
        records.append(dict(zip(DIRECTORY, values, strict=True)))
    return records


def _time(seconds: int) -> str:
    return str(np.datetime64(seconds, "s")) + "Z"


def _hash(*parts: object, size: int) -> str:
    text = "/".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()

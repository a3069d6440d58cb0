"""Names of accounts, their keys, and the columns of the account directory."""

import hashlib

import pyarrow as pa

__all__ = ["DIRECTORY", "account_ids", "fingerprint", "keys"]

DIRECTORY = (
    "account_id", "created_at", "org_id", "tier", "declared_use", "payment_hash", "phone_hash",
    "device_hash", "email_domain", "email_pattern", "country", "verification_level", "subject_id",
)  # fmt: skip
"""Keys of one record of the directory."""


def account_ids(seed: int, name: str, count: int) -> list[str]:
    """Return ids that tell nothing about who is behind them."""
    return [f"acct_{fingerprint(seed, name, i, size=6)}" for i in range(count)]


def keys(ids: list[str]) -> pa.Array:
    """Return one key fingerprint for each account: 32 hex digits."""
    return pa.array([fingerprint(i, "key", size=16) for i in ids], pa.string())


def fingerprint(*parts: object, size: int) -> str:
    """Return 2 *size* hex digits that stand for *parts*."""
    text = "/".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()

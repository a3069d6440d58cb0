"""One row an account: what it is, what it sent, and what was said of it.

Everything that is judged per account is worked out from this table, so populations of several
seeds are pooled by joining their tables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillhunt.lab.judge.metrics import Flags, Floats, Ints
from stillhunt.lab.judge.said import Said
from stillhunt.lab.judge.truth import Known
from stillhunt.model.errors import InputError

__all__ = ["BELOW", "Accounts", "Names", "accounts_of", "pooled"]

Names = npt.NDArray[np.object_]

BELOW = 1e6
"""Subtracted from the score of an account without a q-value, so that it stands below all others:
its score was never calibrated, and is in units of its own. Scores are nats, never so large."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Accounts:
    """Accounts that sent something; arrays of equal length."""

    ids: Names
    is_attack: Flags
    kind: Names
    campaign: Names
    """Name of what an attacker is part of; None for an honest account."""
    group: Names
    """Who acts as one; None where nobody does."""
    tenant: Names
    """Organisation, else the account itself: what a bootstrap draws."""
    origin: Names
    """Who it is, however many populations it is in: an honest account that several campaigns are
    simulated beside is judged each time, and is one account."""
    exchanges: Ints
    """Requests sent; -1 where no exchanges were given."""
    severity: Ints
    """0 for an account that the report does not list."""
    score: Floats
    """Minus infinity for an account that the report does not list."""
    q_value: Floats
    """NaN where none is given."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def is_honest(self) -> Flags:
        """Which accounts attack nobody."""
        return ~self.is_attack

    @property
    def distinct_honest(self) -> int:
        """How many honest accounts there are, each counted once."""
        return len(set(self.origin[self.is_honest]))

    def table(self) -> pa.Table:
        """Return the accounts as an Arrow table, to keep."""
        return pa.table({field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def from_table(cls, table: pa.Table) -> "Accounts":
        """Return what ``table`` gave."""
        columns: dict[str, Any] = {}
        for field in fields(cls):
            column = table[field.name].combine_chunks()
            is_text = pa.types.is_string(column.type) or pa.types.is_null(column.type)
            columns[field.name] = (
                np.array(column.to_pylist(), dtype=object)
                if is_text
                else column.to_numpy(zero_copy_only=False)
            )
        return cls(**columns)

    def take(self, which: Flags) -> "Accounts":
        """Return some of the accounts."""
        return Accounts(**{field.name: getattr(self, field.name)[which] for field in fields(self)})


def accounts_of(
    known: Mapping[str, Known],
    said: Said,
    *,
    exchanges: Mapping[str, int] | None = None,
    tenants: Mapping[str, str] | None = None,
) -> Accounts:
    """Put together what is known and what was said of each account that sent something.

    Args:
        known: The truth.
        said: The report.
        exchanges: Requests of each account that sent any; None counts every account as active.
        tenants: Organisation of those accounts that have one.

    Raises:
        InputError: No account of the truth sent anything.
    """
    ids = [one for one in known if exchanges is None or exchanges.get(one)]
    if not ids:
        raise InputError("no account of the truth sent anything; do the files belong together?")
    listed = {one.account_id: one for one in said.accounts}
    score, severity = np.full(len(ids), -np.inf), np.zeros(len(ids), np.int64)
    q_value = np.full(len(ids), np.nan)
    for at, account in enumerate(ids):
        if (one := listed.get(account)) is None:
            continue
        severity[at] = one.severity
        if one.score is not None:
            score[at] = one.score if one.q_value is not None else one.score - BELOW
        if one.q_value is not None:
            q_value[at] = one.q_value
    if np.isnan(q_value).all():
        score += BELOW  # nothing was calibrated, so all scores are of one kind
    return Accounts(
        ids=_names(ids),
        is_attack=np.array([known[one].is_attack for one in ids]),
        kind=_names([known[one].kind for one in ids]),
        campaign=_names([known[one].campaign for one in ids]),
        group=_names([known[one].group for one in ids]),
        tenant=_names([f"org/{tenants[one]}" if tenants and one in tenants else one
                       for one in ids]),
        origin=_names(ids),
        exchanges=np.array([-1 if exchanges is None else exchanges[one] for one in ids], np.int64),
        severity=severity,
        score=score,
        q_value=q_value,
    )  # fmt: skip


def _names(values: Sequence[str | None]) -> Names:
    return np.array(values, dtype=object)


def pooled(many: Mapping[str, Accounts], tenants: Mapping[str, str] | None = None) -> Accounts:
    """Join populations that know nothing of each other; their names get the population's.

    Args:
        many: Name of a population -> its accounts.
        tenants: Name of a population -> that of its tenants, where several populations have the
            same honest accounts and only the attackers differ: those are no new evidence.
    """
    prefixes = {
        "ids": {name: name for name in many},
        "group": {name: name for name in many},
        "tenant": {name: (tenants or {}).get(name, name) for name in many},
        "origin": {name: (tenants or {}).get(name, name) for name in many},
    }
    columns: dict[str, Any] = {}
    for field in fields(Accounts):
        parts = []
        for name, accounts in many.items():
            values = getattr(accounts, field.name)
            if field.name in prefixes:
                prefix = prefixes[field.name][name]
                values = _names([None if v is None else f"{prefix}/{v}" for v in values])
            parts.append(values)
        columns[field.name] = np.concatenate(parts)
    return Accounts(**columns)

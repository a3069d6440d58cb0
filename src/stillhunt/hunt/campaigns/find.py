"""The hunt for campaigns, from a connection to verdicts."""

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from stillhunt.hunt.campaigns.accounts import Accounts, known_accounts
from stillhunt.hunt.campaigns.evidence import Evidence, gather
from stillhunt.hunt.campaigns.fusion import Scores, Weights, score, weights
from stillhunt.hunt.campaigns.groups import Groups, candidate_groups
from stillhunt.hunt.campaigns.links import FEWEST, KINDS, shared_values
from stillhunt.hunt.campaigns.verdicts import Verdicts, decide

__all__ = ["Hunted", "find_campaigns"]


@dataclass(frozen=True, kw_only=True)
class Hunted:
    """Everything that one hunt for campaigns worked out."""

    accounts: Accounts
    groups: Groups
    evidence: Evidence
    scores: Scores
    verdicts: Verdicts
    kinds: tuple[str, ...]
    """Names of the kinds of values that ``groups.shared`` counts."""


def find_campaigns(
    con: duckdb.DuckDBPyConnection, directory: pa.Table | None, told: Weights | None = None
) -> Hunted | None:
    """Look for accounts that act as one; None where too few are known to.

    Args:
        con: With the views ``exchanges`` and ``pieces``.
        directory: Accounts with ``created_at_us``, as ``directory.with_times`` gives them.
        told: How evidence is added up; None are the weights that are shipped.
    """
    accounts = known_accounts(con, directory)
    if accounts.n_tenants < FEWEST:
        return None
    kinds = [kind for kind in KINDS if {*kind.needs} <= _columns(con, kind.view)]
    shared = shared_values(con, kinds)
    groups = candidate_groups(con, accounts, shared, kinds)
    evidence = gather(groups, accounts)
    told = weights() if told is None else told
    scores = score(groups, evidence, told)
    return Hunted(
        accounts=accounts,
        groups=groups,
        evidence=evidence,
        scores=scores,
        verdicts=decide(groups, scores, accounts, told),
        kinds=tuple(kind.name for kind in kinds),
    )


def _columns(con: duckdb.DuckDBPyConnection, view: str) -> set[str]:
    """Return the columns of *view*, none if it is not there."""
    found = con.execute(
        "SELECT column_name FROM duckdb_columns() WHERE table_name = ?", [view]
    ).fetchall()
    return {name for (name,) in found}

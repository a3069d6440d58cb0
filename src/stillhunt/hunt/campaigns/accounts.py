"""Who there is: every account of a sweep with a code, its tenant and what it usually sends.

Codes are numbers from 0 on, in the order of the ids, because groups are worked on as arrays.
Accounts of one declared organisation are one *tenant*: they may act as one. A shared card
makes no tenant, else a campaign would only have to pay with one.
"""

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.sketch.likelihood import Ints

__all__ = ["Accounts", "known_accounts"]


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """Accounts that sent something, by code."""

    ids: pa.Array
    tenant: Ints
    """Code of the tenant; accounts of one organisation share it."""
    exchanges: Ints
    output_tokens: Ints
    first_us: Ints
    last_us: Ints
    directory: pa.Table
    """What the account directory says, row by row; columns are missing where it is silent."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def n_tenants(self) -> int:
        """Return how many tenants there are."""
        return int(self.tenant.max(initial=-1)) + 1


def known_accounts(con: duckdb.DuckDBPyConnection, directory: pa.Table | None) -> Accounts:
    """Number the accounts of ``exchanges``; leaves the table ``coded`` behind, one row each.

    The directory's word on an organisation counts before that of the logs.
    """
    found = con.sql("""
        SELECT account_id, MAX(org_id) AS org_id, COUNT(*) AS exchanges,
               COALESCE(SUM(output_tokens), 0)::BIGINT AS output_tokens,
               MIN(ts_us) AS first_us, MAX(ts_us) AS last_us
        FROM exchanges
        WHERE account_id IS NOT NULL
        GROUP BY account_id
        ORDER BY account_id
    """).to_arrow_table()
    ids = pa.concat_arrays([pa.array([], pa.string()), *found["account_id"].chunks])
    orgs = found["org_id"]
    said = pa.table({})
    if directory is not None and len(found):
        places = pc.index_in(ids, value_set=directory["account_id"].combine_chunks())
        said = directory.take(places)
        if "org_id" in said.column_names:
            orgs = pc.coalesce(said["org_id"], orgs)
    tenant = _tenants(ids, orgs)
    con.register(
        "coded_accounts",
        pa.table({
            "account_id": ids, "account": np.arange(len(ids)), "tenant": tenant,
            "exchanges": found["exchanges"],
        }),
    )  # fmt: skip
    con.execute("CREATE OR REPLACE TEMP TABLE coded AS SELECT * FROM coded_accounts")
    con.unregister("coded_accounts")
    return Accounts(
        ids=ids,
        tenant=tenant,
        exchanges=found["exchanges"].to_numpy(),
        output_tokens=found["output_tokens"].to_numpy(),
        first_us=found["first_us"].to_numpy(),
        last_us=found["last_us"].to_numpy(),
        directory=said,
    )


def _tenants(ids: pa.Array, orgs: pa.ChunkedArray) -> Ints:
    named = pc.if_else(
        pc.is_valid(orgs),
        pc.binary_join_element_wise("org", pc.coalesce(orgs, ""), "/"),
        pc.binary_join_element_wise("account", ids, "/"),
    )
    if not len(ids):
        return np.zeros(0, np.int64)
    coded = pc.dictionary_encode(named)
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    tenants: Ints = coded.indices.to_numpy().astype(np.int64)
    return tenants

"""Accounts per address: one machine behind many accounts, or one office."""

from dataclasses import dataclass

from stillhunt.lab.judge.exchanges import Exchanges
from stillhunt.lab.judge.metrics import Flags, Floats

__all__ = ["Address"]


@dataclass(frozen=True)
class Address:
    """Score an account by the accounts that its most shared address has seen."""

    title = "accounts per address"

    def scores(self, exchanges: Exchanges, is_honest: Flags) -> Floats:
        """Return the number of accounts of the most shared address, the account included."""
        del is_honest
        return exchanges.per_account("""
            WITH pairs AS (
                SELECT DISTINCT account, address FROM exchanges WHERE address IS NOT NULL
            ),
            crowded AS (SELECT address, COUNT(*) AS accounts FROM pairs GROUP BY address)
            SELECT account, MAX(accounts) AS score
            FROM pairs JOIN crowded USING (address) GROUP BY account
        """)

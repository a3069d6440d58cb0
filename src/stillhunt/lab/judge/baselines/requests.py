"""Requests: how many on the busiest day, which every proxy can count without tokens."""

from dataclasses import dataclass

from stillhunt.lab.judge.exchanges import Exchanges
from stillhunt.lab.judge.metrics import Flags, Floats

__all__ = ["Requests"]


@dataclass(frozen=True)
class Requests:
    """Score an account by its most requests in one day, UTC."""

    title = "requests per day"

    def scores(self, exchanges: Exchanges, is_honest: Flags) -> Floats:
        """Return the requests of the busiest day."""
        del is_honest
        return exchanges.per_account("""
            SELECT account, MAX(n) AS score
            FROM (SELECT account, COUNT(*) AS n FROM exchanges
                  GROUP BY account, ts_us // 86400000000)
            GROUP BY account
        """)

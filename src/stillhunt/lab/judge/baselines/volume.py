"""Volume: output tokens on the busiest day, which every gateway can alert on."""

from dataclasses import dataclass

from stillhunt.lab.judge.exchanges import Exchanges
from stillhunt.lab.judge.metrics import Flags, Floats

__all__ = ["Volume"]


@dataclass(frozen=True)
class Volume:
    """Score an account by its most output tokens in one day, UTC."""

    title = "output tokens per day"

    def scores(self, exchanges: Exchanges, is_honest: Flags) -> Floats:
        """Return the tokens of the busiest day."""
        del is_honest
        return exchanges.per_account("""
            SELECT account, MAX(tokens) AS score
            FROM (SELECT account, SUM(output_tokens) AS tokens FROM exchanges
                  WHERE output_tokens IS NOT NULL
                  GROUP BY account, ts_us // 86400000000)
            GROUP BY account
        """)

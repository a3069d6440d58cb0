"""Gap variation: a loop waits equally long each time.

Source: the coefficient of variation of the gaps between requests, 0 for a metronome, 1 for a
Poisson process, more for people.
"""

from dataclasses import dataclass

from stillhunt.lab.judge.exchanges import Exchanges
from stillhunt.lab.judge.metrics import Flags, Floats

__all__ = ["Gaps"]


@dataclass(frozen=True)
class Gaps:
    """Score an account by the regularity of its gaps."""

    title = "regularity of gaps"
    least: int = 20
    """Fewer gaps say nothing [gaps]; a variation of 1 is then known to about a fifth."""

    def scores(self, exchanges: Exchanges, is_honest: Flags) -> Floats:
        """Return minus the coefficient of variation."""
        del is_honest
        return exchanges.per_account(f"""
            SELECT account, -STDDEV_POP(gap) / AVG(gap) AS score
            FROM (SELECT account,
                         ts_us - LAG(ts_us) OVER (PARTITION BY account ORDER BY ts_us) AS gap
                  FROM exchanges)
            WHERE gap IS NOT NULL
            GROUP BY account
            HAVING COUNT(*) >= {self.least} AND AVG(gap) > 0
        """)

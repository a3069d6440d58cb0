"""Lexicon: words by which a house would look for harvesting, in English."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from stillhunt.lab.judge.exchanges import Exchanges
from stillhunt.lab.judge.metrics import Flags, Floats

__all__ = ["Lexicon"]

WORDS = (
    r"(?i)step[- ]by[- ]step|chain[- ]of[- ]thought|show (your|all|the) (work|reasoning|steps)"
    r"|explain (your|the) reasoning|think (out loud|aloud)|reasoning (trace|process|steps)"
    r"|training (data|set|example)|fine[- ]?tun|distill|scratchpad|inner monologue"
    r"|grading rubric|score from 1|rate the (response|answer)"
)
SMOOTH = 5.0  # prompts without a hit that everybody starts with: one hit of one is no 100 %


@dataclass(frozen=True)
class Lexicon:
    """Score an account by the share of its prompts with one of the words."""

    title = "lexicon"

    def read(self, rows: pa.Table) -> dict[str, pa.Array]:
        """Keep whether a prompt holds one of the words."""
        hits = pc.match_substring_regex(pc.fill_null(rows["prompt"], ""), WORDS)
        return {"lexicon": hits}

    def scores(self, exchanges: Exchanges, is_honest: Flags) -> Floats:
        """Return the share, smoothed."""
        del is_honest
        return exchanges.per_account(f"""
            SELECT account, COUNT(*) FILTER (WHERE lexicon) / (COUNT(*) + {SMOOTH}) AS score
            FROM exchanges GROUP BY account HAVING COUNT(*) FILTER (WHERE lexicon) > 0
        """)

"""Cadence: an account whose requests come as no person's do.

Four signs, each a finding of its own, each with the same evidence to check it by.

``even_gaps``: the gaps between requests hardly vary. Statistic: 1 / gap variation, where gap
variation is the standard deviation of the gaps over their mean [1, 0 to 1000]; a metronome
gives 1000 (capped), a Poisson process 1.
``uneven_gaps``: dense runs and long pauses, as of a job that starts and stops. Statistic: gap
variation [1, >= 0].
``all_hours``: as busy at four in the morning as at noon, for days, with no pause to sleep.
Statistic: entropy of the UTC hour of day with the Miller-Madow correction for small samples
[bits, up to log2 24 = 4.58]; asked only where the longest idle gap is short.
``unread``: the next request comes before the last answer was complete and could have been
read. Statistic: share of such requests [0, 1]. Reading time: 238 words a minute and 0.75 words
a token, so 0.189 s a token.
Severity: informational. The signs tell a program from a person, and most honest use of an API
is programs. They count where they meet other evidence, and when several accounts keep time
together.
Honest look-alikes: batch jobs, cron, evaluation suites, agents and load balancers (all four);
a worldwide team or chat product (``all_hours``); parallel workers and autocompletion
(``unread``).
Cost to evade: very low. Random waits hide the first two, a working day the third; only slow,
single-file requests hide ``unread``, at 0.19 s for each token taken.
Requests of the same microsecond are ordered by their reading time: time and reading time are
all that is looked at, so the answer does not depend on how an engine breaks ties.
The bounds are house rules, not calibrated.
Source: Brysbaert, Journal of Memory and Language 109 (2019), 238 words a minute for silent
reading of English; 0.75 words a token is the usual rule for English text; Miller, Information
Theory in Psychology (1955); Goh and Barabasi, EPL 81 (2008) on burstiness.
"""

from dataclasses import dataclass

__all__ = ["Cadence"]


@dataclass(frozen=True, kw_only=True)
class Cadence:
    """Measure how regularly, how continuously and how hurriedly an account asks."""

    min_requests: int = 50
    """An account is looked at from so many requests on [requests]."""
    even: float = 10.0
    """Steadier than this is a finding [1]: gaps that vary by less than a tenth of their mean."""
    uneven: float = 20.0
    """More uneven than this is a finding [1]. n dense requests and one long pause give the square
    root of n, so 20 is one pause for every 400 requests."""
    hours: float = 4.5
    """Hour-of-day entropy above this is a finding [bits]; the most there can be is 4.58."""
    idle_hours: float = 6.0
    """``all_hours`` wants a longest idle gap shorter than this [h]: a short night's sleep."""
    days: float = 3.0
    """``all_hours`` wants activity over more than this [d]."""
    unread: float = 0.9
    """A share of hurried requests above this is a finding [1]."""

    needs = ("account_id",)
    uses = ("output_tokens", "duration_ms")
    family = "time"
    subject = ("account_id", "sign")
    query = """
        WITH busy AS (
            SELECT account_id
            FROM exchanges
            WHERE account_id IS NOT NULL
            GROUP BY account_id
            HAVING COUNT(*) >= :min_requests
        ),
        numbered AS (
            SELECT account_id, ROW_NUMBER() OVER (ORDER BY account_id) AS account FROM busy
        ),
        answers AS (
            SELECT k.account, e.ts_us,
                   COALESCE(CAST(e.output_tokens AS BIGINT) * 189076
                                + COALESCE(CAST(e.duration_ms AS BIGINT), 0) * 1000, -1)
                       AS reading_us
            FROM exchanges AS e
            JOIN numbered AS k ON k.account_id = e.account_id
        ),
        paced AS (
            SELECT account, ts_us,
                   ROW_NUMBER() OVER (PARTITION BY account ORDER BY ts_us, reading_us) AS place,
                   LAG(ts_us) OVER (PARTITION BY account ORDER BY ts_us, reading_us)
                       AS before_us,
                   LAG(reading_us) OVER (PARTITION BY account ORDER BY ts_us, reading_us)
                       AS reading_us
            FROM answers
        ),
        gaps AS (
            SELECT account, COUNT(*) + 1 AS n, MIN(before_us) AS first_seen,
                   MAX(ts_us) AS last_seen, AVG(ts_us - before_us) AS mean_us,
                   STDDEV_POP(ts_us - before_us) / NULLIF(AVG(ts_us - before_us), 0) AS variation,
                   MAX(ts_us - before_us) AS idle_us,
                   SUM(CASE WHEN reading_us >= 0 THEN 1 ELSE 0 END) AS answers,
                   SUM(CASE WHEN ts_us - before_us < reading_us THEN 1 ELSE 0 END) AS hurried
            FROM paced
            WHERE place > 1
            GROUP BY account
        ),
        hours AS (
            SELECT k.account,
                   MOD(e.ts_us, 86400000000) - MOD(e.ts_us, 3600000000) AS hour_us,
                   COUNT(*) AS times
            FROM exchanges AS e
            JOIN numbered AS k ON k.account_id = e.account_id
            GROUP BY k.account, MOD(e.ts_us, 86400000000) - MOD(e.ts_us, 3600000000)
        ),
        clocks AS (
            SELECT account,
                   LEAST(LN(24), LN(SUM(times)) - SUM(times * LN(times)) / SUM(times)
                                 + (COUNT(*) - 1) / (2.0 * SUM(times))) / LN(2) AS bits
            FROM hours
            GROUP BY account
        ),
        measured AS (
            SELECT k.account_id, g.n, g.first_seen, g.last_seen,
                   g.variation AS gap_variation, g.mean_us / 1000000 AS mean_gap_s,
                   CAST(g.idle_us AS DOUBLE) / 1000000 AS longest_idle_s,
                   c.bits AS hour_entropy_bits, g.answers AS answers_known,
                   CASE WHEN g.answers > 0 THEN CAST(g.hurried AS DOUBLE) / g.answers END
                       AS sooner_than_read
            FROM gaps AS g
            JOIN clocks AS c ON c.account = g.account
            JOIN numbered AS k ON k.account = g.account
        ),
        signs AS (
            SELECT account_id, 'even_gaps' AS sign, 1 / GREATEST(gap_variation, 0.001) AS statistic
            FROM measured
            WHERE gap_variation IS NOT NULL AND 1 / GREATEST(gap_variation, 0.001) > :even
            UNION ALL
            SELECT account_id, 'uneven_gaps' AS sign, gap_variation AS statistic
            FROM measured
            WHERE gap_variation > :uneven
            UNION ALL
            SELECT account_id, 'all_hours' AS sign, hour_entropy_bits AS statistic
            FROM measured
            WHERE hour_entropy_bits > :hours AND longest_idle_s < :idle_hours * 3600
              AND last_seen - first_seen > :days * 86400000000
            UNION ALL
            SELECT account_id, 'unread' AS sign, sooner_than_read AS statistic
            FROM measured
            WHERE sooner_than_read > :unread AND answers_known >= :min_requests
        )
        SELECT s.account_id, s.sign, 1 AS severity, s.statistic, m.n, m.first_seen, m.last_seen,
               m.gap_variation, m.mean_gap_s, m.longest_idle_s, m.hour_entropy_bits,
               m.sooner_than_read, m.answers_known
        FROM signs AS s
        JOIN measured AS m ON m.account_id = s.account_id
    """

"""Repetition: an account that sends one thing all the time, or everything there is.

Both tails are attacks, and neither is proof. Low: a harvester fills one template thousands of
times. High: a relay resells one account to many unrelated people, so that scripts, languages
and system prompts mix as no single user's do.

Statistic, low tail: 1 - H / ln n, where H is the Chao-Shen entropy of the account's templates
[nats] and n its exchanges [0, 1]; 1 means one template. The plug-in entropy would call every
small account repetitive; Chao-Shen corrects it by the Good-Turing coverage, the estimated
share of what the account sends whose template has been seen.
Statistic, high tail: entropy of (script, language, system template), as counted [bits, >= 0];
3 bits are eight equally frequent kinds of use. Only asked of accounts whose own templates are
various (low tail statistic below one half).
Evidence: ``templates`` and how often the commonest was used, ``coverage``, ``near_duplicates``
(share of exchanges that have a twin: the same template or, in the high tail, the same half of
the SimHash, whichever finds more), mean ``unique_ratio`` of the prompts' words.
Severity: informational, and low above ``many`` exchanges; never more, because alone it says
nothing about intent: most paying pipelines are one template, and most chat products serve
many people. It counts when several accounts share the template.
Honest look-alikes: batch pipelines, LLM judges, evaluation suites, the framework prompt of a
RAG product (low); chat products, translation services, an aggregator or a university key (high).
Cost to evade: low. Paraphrase by another model costs about the input tokens again; a relay
can sort its users by language into accounts.
The bounds are house rules, not calibrated.
Source: Chao and Shen, Environmental and Ecological Statistics 10 (2003); Good, Biometrika 40
(1953); Charikar, STOC 2002 (SimHash).
"""

from dataclasses import dataclass

__all__ = ["Repetition"]


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """Measure how repetitive or how mixed an account's prompts are."""

    min_exchanges: int = 50
    """An account is looked at from so many exchanges with a template on [exchanges]."""
    low: float = 0.9
    """Low tail: more than this is a finding [1]. At n = 1,000 that is an entropy of two equally
    frequent templates."""
    high: float = 3.0
    """High tail: more than this is a finding [bits]. Eight equally frequent kinds of use."""
    many: int = 1_000
    """Above this a finding is low, else informational [exchanges]."""

    needs = ("account_id", "template")
    uses = ("script", "simhash", "unique_ratio")
    family = "content"
    subject = ("account_id", "tail")
    query = """
        WITH busy AS (
            SELECT account_id, ROW_NUMBER() OVER (ORDER BY account_id) AS account
            FROM (
                SELECT account_id
                FROM exchanges
                WHERE account_id IS NOT NULL AND template IS NOT NULL
                GROUP BY account_id
                HAVING COUNT(*) >= :min_exchanges
            )
        ),
        uses AS (
            SELECT b.account, e.template, COUNT(*) AS times
            FROM exchanges AS e
            JOIN busy AS b ON b.account_id = e.account_id
            WHERE e.template IS NOT NULL
            GROUP BY b.account, e.template
        ),
        spectrum AS (
            SELECT account, times, COUNT(*) AS templates FROM uses GROUP BY account, times
        ),
        totals AS (
            SELECT account, SUM(times * templates) AS n, SUM(templates) AS templates,
                   SUM(CASE WHEN times = 1 THEN templates ELSE 0 END) AS singles,
                   MAX(times) AS commonest
            FROM spectrum
            GROUP BY account
        ),
        covered AS (
            SELECT account, n, templates, singles, commonest,
                   1 - CAST(CASE WHEN singles = n THEN n - 1 ELSE singles END AS DOUBLE) / n
                       AS coverage
            FROM totals
        ),
        shares AS (
            SELECT c.account, c.n, c.coverage, s.templates, c.coverage * s.times / c.n AS share
            FROM spectrum AS s
            JOIN covered AS c ON c.account = s.account
        ),
        entropies AS (
            SELECT account,
                   SUM(-templates * share * LN(share) / (1 - POWER(1 - share, n))) AS entropy
            FROM shares
            GROUP BY account
        ),
        sameness AS (
            SELECT b.account_id, c.n, c.templates, c.singles, c.commonest, c.coverage, e.entropy,
                   CASE WHEN c.n > 1 THEN GREATEST(0, 1 - e.entropy / LN(c.n)) END AS same
            FROM covered AS c
            JOIN entropies AS e ON e.account = c.account
            JOIN busy AS b ON b.account = c.account
        ),
        uniform AS (SELECT account_id FROM sameness WHERE same > :low),
        various AS (SELECT account_id FROM sameness WHERE same < 0.5),
        kinds AS (
            SELECT account_id, script, language, system_template, COUNT(*) AS times
            FROM exchanges
            WHERE account_id IN (SELECT account_id FROM various)
              AND (script IS NOT NULL OR language IS NOT NULL OR system_template IS NOT NULL)
            GROUP BY account_id, script, language, system_template
        ),
        mixes AS (
            SELECT account_id,
                   (LN(SUM(times)) - SUM(times * LN(times)) / SUM(times)) / LN(2) AS bits,
                   COUNT(*) AS kinds, COUNT(DISTINCT script) AS scripts,
                   COUNT(DISTINCT language) AS languages,
                   COUNT(DISTINCT system_template) AS system_templates
            FROM kinds
            GROUP BY account_id
        ),
        tails AS (
            SELECT account_id, 'low' AS tail FROM uniform
            UNION ALL
            SELECT account_id, 'high' AS tail FROM mixes WHERE bits > :high
        ),
        halves AS (
            SELECT account_id, simhash,
                   MOD(MOD(simhash, 4294967296) + 4294967296, 4294967296) AS lower_half
            FROM exchanges
            WHERE account_id IN (SELECT account_id FROM tails WHERE tail = 'high')
              AND simhash IS NOT NULL
        ),
        upper_halves AS (
            SELECT account_id, simhash - lower_half AS half, COUNT(*) AS times
            FROM halves
            GROUP BY account_id, simhash - lower_half
        ),
        lower_halves AS (
            SELECT account_id, lower_half AS half, COUNT(*) AS times
            FROM halves
            GROUP BY account_id, lower_half
        ),
        twins AS (
            SELECT account_id, MAX(twin) AS twin
            FROM (
                SELECT account_id,
                       CAST(SUM(CASE WHEN times > 1 THEN times ELSE 0 END) AS DOUBLE)
                           / SUM(times) AS twin
                FROM upper_halves
                GROUP BY account_id
                UNION ALL
                SELECT account_id,
                       CAST(SUM(CASE WHEN times > 1 THEN times ELSE 0 END) AS DOUBLE)
                           / SUM(times) AS twin
                FROM lower_halves
                GROUP BY account_id
            )
            GROUP BY account_id
        ),
        spans AS (
            SELECT account_id, MIN(ts_us) AS first_seen, MAX(ts_us) AS last_seen,
                   AVG(unique_ratio) AS unique_ratio
            FROM exchanges
            WHERE account_id IN (SELECT account_id FROM tails) AND template IS NOT NULL
            GROUP BY account_id
        )
        SELECT t.account_id, t.tail,
               CASE WHEN s.n > :many THEN 2 ELSE 1 END AS severity,
               CASE WHEN t.tail = 'low' THEN s.same ELSE m.bits END AS statistic,
               s.n, p.first_seen, p.last_seen,
               s.templates, s.commonest AS commonest_template, s.coverage,
               s.entropy / LN(2) AS template_entropy_bits,
               GREATEST(CAST(s.n - s.singles AS DOUBLE) / s.n, COALESCE(w.twin, 0))
                   AS near_duplicates,
               p.unique_ratio, m.kinds, m.scripts, m.languages, m.system_templates
        FROM tails AS t
        JOIN sameness AS s ON s.account_id = t.account_id
        JOIN spans AS p ON p.account_id = t.account_id
        LEFT JOIN mixes AS m ON m.account_id = t.account_id
        LEFT JOIN twins AS w ON w.account_id = t.account_id
    """

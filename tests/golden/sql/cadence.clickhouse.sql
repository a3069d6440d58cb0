WITH busy AS (
  SELECT
    account_id
  FROM exchanges
  WHERE
    NOT (
      account_id IS NULL
    )
  GROUP BY
    account_id
  HAVING
    COUNT(*) >= 50
), numbered AS (
  SELECT
    account_id,
    ROW_NUMBER() OVER (ORDER BY account_id) AS account
  FROM busy
), answers AS (
  SELECT
    k.account AS account,
    e.ts_us AS ts_us,
    COALESCE(
      CAST(e.output_tokens AS Nullable(Int64)) * 189076 + COALESCE(CAST(e.duration_ms AS Nullable(Int64)), 0) * 1000,
      -1
    ) AS reading_us
  FROM exchanges AS e
  JOIN numbered AS k
    ON k.account_id = e.account_id
), paced AS (
  SELECT
    account,
    ts_us,
    ROW_NUMBER() OVER (PARTITION BY account ORDER BY ts_us, reading_us) AS place,
    lag(ts_us) OVER (PARTITION BY account ORDER BY ts_us, reading_us) AS before_us,
    lag(reading_us) OVER (PARTITION BY account ORDER BY ts_us, reading_us) AS reading_us
  FROM answers
), gaps AS (
  SELECT
    account,
    COUNT(*) + 1 AS n,
    MIN(before_us) AS first_seen,
    MAX(ts_us) AS last_seen,
    AVG(ts_us - before_us) AS mean_us,
    stddevPopStable(ts_us - before_us) / nullIf(AVG(ts_us - before_us), 0) AS variation,
    MAX(ts_us - before_us) AS idle_us,
    SUM(CASE WHEN reading_us >= 0 THEN 1 ELSE 0 END) AS answers,
    SUM(CASE WHEN ts_us - before_us < reading_us THEN 1 ELSE 0 END) AS hurried
  FROM paced
  WHERE
    place > 1
  GROUP BY
    account
), hours AS (
  SELECT
    k.account AS account,
    e.ts_us % 86400000000 - e.ts_us % 3600000000 AS hour_us,
    COUNT(*) AS times
  FROM exchanges AS e
  JOIN numbered AS k
    ON k.account_id = e.account_id
  GROUP BY
    k.account,
    e.ts_us % 86400000000 - e.ts_us % 3600000000
), clocks AS (
  SELECT
    account,
    LEAST(
      LN(24),
      LN(SUM(times)) - SUM(times * LN(times)) / SUM(times) + (
        COUNT(*) - 1
      ) / (
        2.0 * SUM(times)
      )
    ) / LN(2) AS bits
  FROM hours
  GROUP BY
    account
), measured AS (
  SELECT
    k.account_id AS account_id,
    g.n AS n,
    g.first_seen AS first_seen,
    g.last_seen AS last_seen,
    g.variation AS gap_variation,
    g.mean_us / 1000000 AS mean_gap_s,
    CAST(g.idle_us AS Nullable(Float64)) / 1000000 AS longest_idle_s,
    c.bits AS hour_entropy_bits,
    g.answers AS answers_known,
    CASE WHEN g.answers > 0 THEN CAST(g.hurried AS Nullable(Float64)) / g.answers END AS sooner_than_read
  FROM gaps AS g
  JOIN clocks AS c
    ON c.account = g.account
  JOIN numbered AS k
    ON k.account = g.account
), signs AS (
  SELECT
    account_id,
    'even_gaps' AS sign,
    1 / GREATEST(gap_variation, 0.001) AS statistic
  FROM measured
  WHERE
    NOT (
      gap_variation IS NULL
    ) AND 1 / GREATEST(gap_variation, 0.001) > 10.0
  UNION ALL
  SELECT
    account_id,
    'uneven_gaps' AS sign,
    gap_variation AS statistic
  FROM measured
  WHERE
    gap_variation > 20.0
  UNION ALL
  SELECT
    account_id,
    'all_hours' AS sign,
    hour_entropy_bits AS statistic
  FROM measured
  WHERE
    hour_entropy_bits > 4.5
    AND longest_idle_s < 6.0 * 3600
    AND last_seen - first_seen > 3.0 * 86400000000
  UNION ALL
  SELECT
    account_id,
    'unread' AS sign,
    sooner_than_read AS statistic
  FROM measured
  WHERE
    sooner_than_read > 0.9 AND answers_known >= 50
)
SELECT
  s.account_id AS account_id,
  s.sign AS sign,
  1 AS severity,
  s.statistic AS statistic,
  m.n AS n,
  m.first_seen AS first_seen,
  m.last_seen AS last_seen,
  m.gap_variation AS gap_variation,
  m.mean_gap_s AS mean_gap_s,
  m.longest_idle_s AS longest_idle_s,
  m.hour_entropy_bits AS hour_entropy_bits,
  m.sooner_than_read AS sooner_than_read,
  m.answers_known AS answers_known
FROM signs AS s
JOIN measured AS m
  ON m.account_id = s.account_id
SETTINGS join_use_nulls = 1, prefer_column_name_to_alias = 1, union_default_mode = 'DISTINCT', aggregate_functions_null_for_empty = 1

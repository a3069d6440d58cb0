-- Written for postgres, not executed here.
WITH busy AS (
  SELECT
    account_id
  FROM exchanges
  WHERE
    NOT account_id IS NULL
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
    k.account,
    e.ts_us,
    COALESCE(
      CAST(e.output_tokens AS BIGINT) * 189076 + COALESCE(CAST(e.duration_ms AS BIGINT), 0) * 1000,
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
    LAG(ts_us) OVER (PARTITION BY account ORDER BY ts_us, reading_us) AS before_us,
    LAG(reading_us) OVER (PARTITION BY account ORDER BY ts_us, reading_us) AS reading_us
  FROM answers
), gaps AS (
  SELECT
    account,
    COUNT(*) + 1 AS n,
    MIN(before_us) AS first_seen,
    MAX(ts_us) AS last_seen,
    AVG(ts_us - before_us) AS mean_us,
    CAST(STDDEV_POP(ts_us - before_us) AS DOUBLE PRECISION) / NULLIF(AVG(ts_us - before_us), 0) AS variation,
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
    k.account,
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
    CAST(LEAST(
      LN(24),
      LN(SUM(times)) - CAST(SUM(times * LN(times)) AS DOUBLE PRECISION) / SUM(times) + CAST((
        COUNT(*) - 1
      ) AS DOUBLE PRECISION) / (
        CAST(2.0 AS DOUBLE PRECISION) * SUM(times)
      )
    ) AS DOUBLE PRECISION) / LN(2) AS bits
  FROM hours
  GROUP BY
    account
), measured AS (
  SELECT
    k.account_id,
    g.n,
    g.first_seen,
    g.last_seen,
    g.variation AS gap_variation,
    CAST(g.mean_us AS DOUBLE PRECISION) / 1000000 AS mean_gap_s,
    CAST(g.idle_us AS DOUBLE PRECISION) / 1000000 AS longest_idle_s,
    c.bits AS hour_entropy_bits,
    g.answers AS answers_known,
    CASE WHEN g.answers > 0 THEN CAST(g.hurried AS DOUBLE PRECISION) / g.answers END AS sooner_than_read
  FROM gaps AS g
  JOIN clocks AS c
    ON c.account = g.account
  JOIN numbered AS k
    ON k.account = g.account
), signs AS (
  SELECT
    account_id,
    'even_gaps' AS sign,
    CAST(1 AS DOUBLE PRECISION) / GREATEST(gap_variation, CAST(0.001 AS DOUBLE PRECISION)) AS statistic
  FROM measured
  WHERE
    NOT gap_variation IS NULL
    AND CAST(1 AS DOUBLE PRECISION) / GREATEST(gap_variation, CAST(0.001 AS DOUBLE PRECISION)) > CAST(10.0 AS DOUBLE PRECISION)
  UNION ALL
  SELECT
    account_id,
    'uneven_gaps' AS sign,
    gap_variation AS statistic
  FROM measured
  WHERE
    gap_variation > CAST(20.0 AS DOUBLE PRECISION)
  UNION ALL
  SELECT
    account_id,
    'all_hours' AS sign,
    hour_entropy_bits AS statistic
  FROM measured
  WHERE
    hour_entropy_bits > CAST(4.5 AS DOUBLE PRECISION)
    AND longest_idle_s < CAST(6.0 AS DOUBLE PRECISION) * 3600
    AND last_seen - first_seen > CAST(3.0 AS DOUBLE PRECISION) * 86400000000
  UNION ALL
  SELECT
    account_id,
    'unread' AS sign,
    sooner_than_read AS statistic
  FROM measured
  WHERE
    sooner_than_read > CAST(0.9 AS DOUBLE PRECISION) AND answers_known >= 50
)
SELECT
  s.account_id,
  s.sign,
  1 AS severity,
  s.statistic,
  m.n,
  m.first_seen,
  m.last_seen,
  m.gap_variation,
  m.mean_gap_s,
  m.longest_idle_s,
  m.hour_entropy_bits,
  m.sooner_than_read,
  m.answers_known
FROM signs AS s
JOIN measured AS m
  ON m.account_id = s.account_id

-- Written for databricks, not executed here.
WITH busy AS (
  SELECT
    account_id,
    ROW_NUMBER() OVER (ORDER BY account_id NULLS LAST) AS account
  FROM (
    SELECT
      account_id
    FROM exchanges
    WHERE
      NOT account_id IS NULL AND NOT template IS NULL
    GROUP BY
      account_id
    HAVING
      COUNT(*) >= 50
  )
), uses AS (
  SELECT
    b.account,
    e.template,
    COUNT(*) AS times
  FROM exchanges AS e
  JOIN busy AS b
    ON b.account_id = e.account_id
  WHERE
    NOT e.template IS NULL
  GROUP BY
    b.account,
    e.template
), spectrum AS (
  SELECT
    account,
    times,
    COUNT(*) AS templates
  FROM uses
  GROUP BY
    account,
    times
), totals AS (
  SELECT
    account,
    SUM(times * templates) AS n,
    SUM(templates) AS templates,
    SUM(CASE WHEN times = 1 THEN templates ELSE 0 END) AS singles,
    MAX(times) AS commonest
  FROM spectrum
  GROUP BY
    account
), covered AS (
  SELECT
    account,
    n,
    templates,
    singles,
    commonest,
    1 - CAST(CASE WHEN singles = n THEN n - 1 ELSE singles END AS DOUBLE) / n AS coverage
  FROM totals
), shares AS (
  SELECT
    c.account,
    c.n,
    c.coverage,
    s.templates,
    c.coverage * s.times / c.n AS share
  FROM spectrum AS s
  JOIN covered AS c
    ON c.account = s.account
), entropies AS (
  SELECT
    account,
    SUM(-templates * share * LN(share) / (
      1 - POWER(1 - share, n)
    )) AS entropy
  FROM shares
  GROUP BY
    account
), sameness AS (
  SELECT
    b.account_id,
    c.n,
    c.templates,
    c.singles,
    c.commonest,
    c.coverage,
    e.entropy,
    CASE WHEN c.n > 1 THEN GREATEST(0, 1 - e.entropy / LN(c.n)) END AS same
  FROM covered AS c
  JOIN entropies AS e
    ON e.account = c.account
  JOIN busy AS b
    ON b.account = c.account
), uniform AS (
  SELECT
    account_id
  FROM sameness
  WHERE
    same > CAST(0.9 AS DOUBLE)
), various AS (
  SELECT
    account_id
  FROM sameness
  WHERE
    same < CAST(0.5 AS DOUBLE)
), kinds AS (
  SELECT
    account_id,
    script,
    language,
    system_template,
    COUNT(*) AS times
  FROM exchanges
  WHERE
    account_id IN (
      SELECT
        account_id
      FROM various
    )
    AND (
      NOT script IS NULL OR NOT language IS NULL OR NOT system_template IS NULL
    )
  GROUP BY
    account_id,
    script,
    language,
    system_template
), mixes AS (
  SELECT
    account_id,
    (
      LN(SUM(times)) - SUM(times * LN(times)) / SUM(times)
    ) / LN(2) AS bits,
    COUNT(*) AS kinds,
    COUNT(DISTINCT script) AS scripts,
    COUNT(DISTINCT language) AS languages,
    COUNT(DISTINCT system_template) AS system_templates
  FROM kinds
  GROUP BY
    account_id
), tails AS (
  SELECT
    account_id,
    'low' AS tail
  FROM uniform
  UNION ALL
  SELECT
    account_id,
    'high' AS tail
  FROM mixes
  WHERE
    bits > CAST(3.0 AS DOUBLE)
), halves AS (
  SELECT
    account_id,
    simhash,
    (
      simhash % 4294967296 + 4294967296
    ) % 4294967296 AS lower_half
  FROM exchanges
  WHERE
    account_id IN (
      SELECT
        account_id
      FROM tails
      WHERE
        tail = 'high'
    )
    AND NOT simhash IS NULL
), upper_halves AS (
  SELECT
    account_id,
    simhash - lower_half AS half,
    COUNT(*) AS times
  FROM halves
  GROUP BY
    account_id,
    simhash - lower_half
), lower_halves AS (
  SELECT
    account_id,
    lower_half AS half,
    COUNT(*) AS times
  FROM halves
  GROUP BY
    account_id,
    lower_half
), twins AS (
  SELECT
    account_id,
    MAX(twin) AS twin
  FROM (
    SELECT
      account_id,
      CAST(SUM(CASE WHEN times > 1 THEN times ELSE 0 END) AS DOUBLE) / SUM(times) AS twin
    FROM upper_halves
    GROUP BY
      account_id
    UNION ALL
    SELECT
      account_id,
      CAST(SUM(CASE WHEN times > 1 THEN times ELSE 0 END) AS DOUBLE) / SUM(times) AS twin
    FROM lower_halves
    GROUP BY
      account_id
  )
  GROUP BY
    account_id
), spans AS (
  SELECT
    account_id,
    MIN(ts_us) AS first_seen,
    MAX(ts_us) AS last_seen,
    AVG(unique_ratio) AS unique_ratio
  FROM exchanges
  WHERE
    account_id IN (
      SELECT
        account_id
      FROM tails
    ) AND NOT template IS NULL
  GROUP BY
    account_id
)
SELECT
  t.account_id,
  t.tail,
  CASE WHEN s.n > 1000 THEN 2 ELSE 1 END AS severity,
  CASE WHEN t.tail = 'low' THEN s.same ELSE m.bits END AS statistic,
  s.n,
  p.first_seen,
  p.last_seen,
  s.templates,
  s.commonest AS commonest_template,
  s.coverage,
  s.entropy / LN(2) AS template_entropy_bits,
  GREATEST(CAST(s.n - s.singles AS DOUBLE) / s.n, COALESCE(w.twin, 0)) AS near_duplicates,
  p.unique_ratio,
  m.kinds,
  m.scripts,
  m.languages,
  m.system_templates
FROM tails AS t
JOIN sameness AS s
  ON s.account_id = t.account_id
JOIN spans AS p
  ON p.account_id = t.account_id
LEFT JOIN mixes AS m
  ON m.account_id = t.account_id
LEFT JOIN twins AS w
  ON w.account_id = t.account_id

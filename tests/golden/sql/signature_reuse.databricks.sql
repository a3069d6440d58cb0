-- Written for databricks, not executed here.
WITH chosen AS (
  SELECT
    account_id,
    org_id,
    reasoning_signature_hash,
    ts_us,
    COALESCE(org_id, account_id) AS owner
  FROM exchanges
  WHERE
    ts_us > -9999913600000000
    AND ts_us <= 86400000000
    AND NOT reasoning_signature_hash IS NULL
    AND (
      NOT org_id IS NULL OR NOT account_id IS NULL
    )
), large AS (
  SELECT
    reasoning_signature_hash
  FROM chosen
  GROUP BY
    reasoning_signature_hash
  HAVING
    COUNT(*) > 2
), thinned AS (
  SELECT
    c.account_id,
    c.org_id,
    c.reasoning_signature_hash,
    c.ts_us,
    c.owner
  FROM chosen AS c
  JOIN large AS l
    ON l.reasoning_signature_hash = c.reasoning_signature_hash
), figures AS (
  SELECT
    reasoning_signature_hash,
    owner,
    COUNT(*) AS requests,
    COUNT(*) AS n,
    MIN(ts_us) AS first_seen,
    MAX(ts_us) AS last_seen
  FROM thinned
  GROUP BY
    reasoning_signature_hash,
    owner
), figures_2 AS (
  SELECT
    reasoning_signature_hash,
    COUNT(*) AS owners,
    SUM(requests) AS requests,
    SUM(n) AS n,
    MIN(first_seen) AS first_seen,
    MAX(last_seen) AS last_seen
  FROM figures
  GROUP BY
    reasoning_signature_hash
)
SELECT
  reasoning_signature_hash,
  3 AS severity,
  COALESCE(CAST(owners AS DOUBLE) / 2, 0) AS statistic,
  n,
  first_seen,
  last_seen,
  owners,
  requests
FROM figures_2
WHERE
  owners > 2

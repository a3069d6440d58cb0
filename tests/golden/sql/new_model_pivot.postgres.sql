-- Written for postgres, not executed here.
WITH chosen AS (
  SELECT
    account_id,
    model,
    operation,
    path,
    ts_us
  FROM exchanges
  WHERE
    ts_us > -1123200000000
    AND ts_us <= 86400000000
    AND (
      path IN (
        '/v1/messages',
        '/v1/chat/completions',
        '/v1/responses',
        '/v1/completions',
        '/v1/generate'
      )
      OR STARTS_WITH(path, '/v1/messages?')
      OR STARTS_WITH(path, '/v1/chat/completions?')
      OR STARTS_WITH(path, '/v1/responses?')
      OR STARTS_WITH(path, '/v1/completions?')
      OR STARTS_WITH(path, '/v1/generate?')
      OR (
        path IS NULL
        AND (
          operation IS NULL
          OR operation IN (
            'chat',
            'completion',
            'completions',
            'generate_content',
            'message',
            'messages',
            'response',
            'responses',
            'text_completion'
          )
        )
      )
    )
    AND NOT model IS NULL
    AND NOT account_id IS NULL
), large AS (
  SELECT
    account_id
  FROM chosen
  GROUP BY
    account_id
  HAVING
    COUNT(*) > 200
), thinned AS (
  SELECT
    c.account_id,
    c.model,
    c.operation,
    c.path,
    c.ts_us
  FROM chosen AS c
  JOIN large AS l
    ON l.account_id = c.account_id
), figures AS (
  SELECT
    account_id,
    model,
    MIN(ts_us) AS first_used,
    COUNT(CASE WHEN ts_us > 0 THEN 1 END) AS recent,
    COUNT(CASE WHEN ts_us <= 0 THEN 1 END) AS earlier,
    COUNT(*) AS n,
    MIN(ts_us) AS first_seen,
    MAX(ts_us) AS last_seen
  FROM thinned
  GROUP BY
    account_id,
    model
), figures_2 AS (
  SELECT
    account_id,
    SUM(CASE WHEN (
      recent > 0 AND first_used > 0
    ) THEN recent END) AS share_new_part,
    SUM(CASE WHEN recent > 0 THEN recent END) AS share_new_whole,
    SUM(CASE WHEN first_used > 0 THEN recent END) AS new_requests,
    COUNT(CASE WHEN first_used > 0 THEN 1 END) AS new_models,
    SUM(recent) AS recent_requests,
    SUM(earlier) AS earlier_requests,
    MIN(CASE WHEN first_used > 0 THEN first_used END) AS first_seen,
    SUM(n) AS n,
    MAX(last_seen) AS last_seen
  FROM figures
  GROUP BY
    account_id
), chosen_2 AS (
  SELECT
    account_id,
    share_new_part,
    share_new_whole,
    new_requests,
    new_models,
    recent_requests,
    earlier_requests,
    first_seen,
    n,
    last_seen,
    CAST(share_new_part AS DOUBLE PRECISION) / NULLIF(share_new_whole, 0) AS share_new
  FROM figures_2
)
SELECT
  account_id,
  1 AS severity,
  LEAST(
    COALESCE(CAST(share_new AS DOUBLE PRECISION) / CAST(0.5 AS DOUBLE PRECISION), 0),
    COALESCE(CAST(new_requests AS DOUBLE PRECISION) / 200, 0),
    COALESCE(CAST(earlier_requests AS DOUBLE PRECISION) / 200, 0)
  ) AS statistic,
  n,
  first_seen,
  last_seen,
  share_new,
  new_requests,
  new_models,
  recent_requests,
  earlier_requests
FROM chosen_2
WHERE
  share_new > CAST(0.5 AS DOUBLE PRECISION)
  AND new_requests > 200
  AND earlier_requests > 200

-- Written for databricks, not executed here.
WITH chosen AS (
  SELECT
    account_id,
    operation,
    path,
    ts_us,
    ts_us - ts_us % 86400000000 AS bin_us,
    ts_us - ts_us % 3600000000 AS hour_us
  FROM exchanges
  WHERE
    ts_us > -31536000000000
    AND ts_us <= 86400000000
    AND (
      path IN (
        '/v1/messages',
        '/v1/chat/completions',
        '/v1/responses',
        '/v1/completions',
        '/v1/generate'
      )
      OR STARTSWITH(path, '/v1/messages?')
      OR STARTSWITH(path, '/v1/chat/completions?')
      OR STARTSWITH(path, '/v1/responses?')
      OR STARTSWITH(path, '/v1/completions?')
      OR STARTSWITH(path, '/v1/generate?')
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
    AND NOT account_id IS NULL
), large AS (
  SELECT
    account_id,
    bin_us
  FROM chosen
  GROUP BY
    account_id,
    bin_us
  HAVING
    COUNT(*) > 480
), thinned AS (
  SELECT
    c.account_id,
    c.operation,
    c.path,
    c.ts_us,
    c.bin_us,
    c.hour_us
  FROM chosen AS c
  JOIN large AS l
    ON l.account_id = c.account_id AND l.bin_us = c.bin_us
), figures AS (
  SELECT
    account_id,
    hour_us,
    bin_us,
    COUNT(*) AS requests,
    COUNT(*) AS n,
    MIN(ts_us) AS first_seen,
    MAX(ts_us) AS last_seen
  FROM thinned
  GROUP BY
    account_id,
    hour_us,
    bin_us
), figures_2 AS (
  SELECT
    account_id,
    bin_us,
    COUNT(*) AS active_hours,
    SUM(requests) AS requests,
    MIN(requests) AS least_in_an_hour,
    SUM(n) AS n,
    MIN(first_seen) AS first_seen,
    MAX(last_seen) AS last_seen
  FROM figures
  GROUP BY
    account_id,
    bin_us
)
SELECT
  account_id,
  bin_us,
  1 AS severity,
  LEAST(
    COALESCE(CAST(active_hours AS DOUBLE) / 22, 0),
    COALESCE(CAST(requests AS DOUBLE) / 480, 0)
  ) AS statistic,
  n,
  first_seen,
  last_seen,
  active_hours,
  requests,
  least_in_an_hour
FROM figures_2
WHERE
  active_hours > 22 AND requests > 480

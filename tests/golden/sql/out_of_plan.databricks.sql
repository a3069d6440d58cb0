-- Written for databricks, not executed here.
WITH joined AS (
  SELECT
    e.account_id,
    e.operation,
    e.output_tokens,
    e.path,
    e.ts_us,
    d.tier
  FROM exchanges AS e
  JOIN directory AS d
    ON d.account_id = e.account_id
), chosen AS (
  SELECT
    account_id,
    operation,
    output_tokens,
    path,
    ts_us,
    tier,
    ts_us - ts_us % 86400000000 AS bin_us
  FROM joined
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
    AND NOT output_tokens IS NULL
    AND NOT account_id IS NULL
), figures AS (
  SELECT
    account_id,
    tier,
    bin_us,
    SUM(output_tokens) AS output_tokens,
    COUNT(*) AS requests,
    COUNT(*) AS n,
    MIN(ts_us) AS first_seen,
    MAX(ts_us) AS last_seen
  FROM chosen
  GROUP BY
    account_id,
    tier,
    bin_us
), chosen_2 AS (
  SELECT
    account_id,
    tier,
    bin_us,
    output_tokens,
    requests,
    n,
    first_seen,
    last_seen,
    CASE
      WHEN tier = 'anonymous'
      THEN 20000
      WHEN tier = 'basic'
      THEN 200000
      WHEN tier = 'person'
      THEN 1000000
    END AS tokens_per_day_bound
  FROM figures
)
SELECT
  account_id,
  bin_us,
  2 AS severity,
  COALESCE(
    CAST(output_tokens AS DOUBLE) / NULLIF(
      CASE
        WHEN tier = 'anonymous'
        THEN 20000
        WHEN tier = 'basic'
        THEN 200000
        WHEN tier = 'person'
        THEN 1000000
      END,
      0
    ),
    0
  ) AS statistic,
  n,
  first_seen,
  last_seen,
  tier,
  tokens_per_day_bound,
  output_tokens,
  requests
FROM chosen_2
WHERE
  output_tokens > tokens_per_day_bound

-- Written for snowflake, not executed here.
WITH chosen AS (
  SELECT
    operation,
    output_tokens,
    path,
    source_ip,
    ts_us,
    CASE
      WHEN CHARINDEX(':', source_ip) > 0
      THEN REGEXP_SUBSTR(source_ip, '^[^:.]+(:[^:.]+)?(:[1-9a-f][^:.]*)?') || '::/48'
      WHEN CHARINDEX('.', source_ip) > 0
      THEN REGEXP_SUBSTR(source_ip, '^[0-9]+[.][0-9]+[.][0-9]+') || '.0/24'
      ELSE source_ip
    END AS source_prefix
  FROM exchanges
  WHERE
    ts_us > 0
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
    AND NOT source_ip IS NULL
), figures AS (
  SELECT
    source_prefix,
    COUNT(*) AS total_requests,
    SUM(output_tokens) AS total_output_tokens,
    COUNT(*) AS n,
    MIN(ts_us) AS first_seen,
    MAX(ts_us) AS last_seen
  FROM chosen
  GROUP BY
    source_prefix
)
SELECT
  source_prefix,
  CASE WHEN total_output_tokens > 200000 THEN 3 ELSE 2 END AS severity,
  GREATEST_IGNORE_NULLS(
    COALESCE(CAST(total_requests AS DOUBLE) / 5000, 0),
    COALESCE(CAST(total_output_tokens AS DOUBLE) / 100000, 0)
  ) AS statistic,
  n,
  first_seen,
  last_seen,
  total_requests,
  total_output_tokens
FROM figures
WHERE
  (
    total_requests > 5000 OR total_output_tokens > 100000
  )

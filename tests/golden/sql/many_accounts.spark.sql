WITH chosen AS (
  SELECT
    account_id,
    network_kind,
    operation,
    path,
    source_ip,
    ts_us,
    ts_us - ts_us % 86400000000 AS bin_us
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
    AND NOT source_ip IS NULL
), large AS (
  SELECT
    source_ip,
    bin_us
  FROM chosen
  GROUP BY
    source_ip,
    bin_us
  HAVING
    COUNT(*) > 20
), thinned AS (
  SELECT
    c.account_id,
    c.network_kind,
    c.operation,
    c.path,
    c.source_ip,
    c.ts_us,
    c.bin_us
  FROM chosen AS c
  JOIN large AS l
    ON l.source_ip = c.source_ip AND l.bin_us = c.bin_us
), figures AS (
  SELECT
    source_ip,
    account_id,
    bin_us,
    COUNT(*) AS requests,
    COUNT(
      CASE
        WHEN network_kind IN (
          'nat',
          'cgnat',
          'mobile',
          'vpn',
          'proxy',
          'university',
          'education',
          'school',
          'office',
          'corporate'
        )
        THEN 1
      END
    ) AS shared_requests,
    COUNT(
      CASE
        WHEN NOT network_kind IN (
          'nat',
          'cgnat',
          'mobile',
          'vpn',
          'proxy',
          'university',
          'education',
          'school',
          'office',
          'corporate'
        )
        THEN 1
      END
    ) AS unshared_requests,
    COUNT(*) AS n,
    MIN(ts_us) AS first_seen,
    MAX(ts_us) AS last_seen
  FROM thinned
  GROUP BY
    source_ip,
    account_id,
    bin_us
), figures_2 AS (
  SELECT
    source_ip,
    bin_us,
    COUNT(*) AS accounts,
    SUM(requests) AS requests,
    SUM(shared_requests) AS shared_requests,
    SUM(unshared_requests) AS unshared_requests,
    SUM(n) AS n,
    MIN(first_seen) AS first_seen,
    MAX(last_seen) AS last_seen
  FROM figures
  GROUP BY
    source_ip,
    bin_us
)
SELECT
  source_ip,
  bin_us,
  CASE WHEN shared_requests > 0 THEN 1 WHEN unshared_requests > 0 THEN 2 ELSE 1 END AS severity,
  COALESCE(CAST(accounts AS DOUBLE) / 20, 0) AS statistic,
  n,
  first_seen,
  last_seen,
  accounts,
  requests,
  shared_requests,
  unshared_requests
FROM figures_2
WHERE
  accounts > 20

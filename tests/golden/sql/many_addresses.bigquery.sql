-- Written for bigquery, not executed here.
WITH chosen AS (
  SELECT
    account_id,
    network_kind,
    operation,
    path,
    source_ip,
    ts_us,
    ts_us - MOD(ts_us, 86400000000) AS bin_us
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
    AND NOT source_ip IS NULL
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
    COUNT(*) > 50
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
    ON l.account_id = c.account_id AND l.bin_us = c.bin_us
), chosen_2 AS (
  SELECT
    account_id,
    network_kind,
    operation,
    path,
    source_ip,
    ts_us,
    bin_us,
    CASE
      WHEN INSTR(source_ip, ':') > 0
      THEN REGEXP_EXTRACT(source_ip, '^[^:.]+(?::[^:.]+)?(?::[1-9a-f][^:.]*)?') || '::/48'
      WHEN INSTR(source_ip, '.') > 0
      THEN REGEXP_EXTRACT(source_ip, '^[0-9]+[.][0-9]+[.][0-9]+') || '.0/24'
      ELSE source_ip
    END AS source_prefix
  FROM thinned
), figures AS (
  SELECT
    account_id,
    source_prefix,
    source_ip,
    bin_us,
    COUNT(*) AS requests,
    COUNT(CASE WHEN network_kind IN ('cloud', 'hosting', 'datacenter') THEN 1 END) AS cloud_requests,
    COUNT(*) AS n,
    MIN(ts_us) AS first_seen,
    MAX(ts_us) AS last_seen
  FROM chosen_2
  GROUP BY
    account_id,
    source_prefix,
    source_ip,
    bin_us
), figures_2 AS (
  SELECT
    account_id,
    source_prefix,
    bin_us,
    COUNT(*) AS addresses,
    COUNT(CASE WHEN cloud_requests > 0 THEN 1 END) AS cloud_addresses,
    SUM(requests) AS requests,
    SUM(n) AS n,
    MIN(first_seen) AS first_seen,
    MAX(last_seen) AS last_seen
  FROM figures
  GROUP BY
    account_id,
    source_prefix,
    bin_us
), figures_3 AS (
  SELECT
    account_id,
    bin_us,
    SUM(addresses) AS addresses,
    COUNT(*) AS networks,
    SUM(cloud_addresses) AS cloud_addresses,
    SUM(requests) AS requests,
    SUM(n) AS n,
    MIN(first_seen) AS first_seen,
    MAX(last_seen) AS last_seen
  FROM figures_2
  GROUP BY
    account_id,
    bin_us
)
SELECT
  account_id,
  bin_us,
  CASE WHEN cloud_addresses > 50 THEN 1 ELSE 2 END AS severity,
  LEAST(
    COALESCE(CAST(addresses AS FLOAT64) / 50, 0),
    COALESCE(CAST(networks AS FLOAT64) / 25, 0)
  ) AS statistic,
  n,
  first_seen,
  last_seen,
  addresses,
  networks,
  cloud_addresses,
  requests
FROM figures_3
WHERE
  addresses > 50 AND networks > 25

-- Written for bigquery, not executed here.
WITH chosen AS (
  SELECT
    account_id,
    exchange_id,
    network_kind,
    operation,
    path,
    source_ip,
    status,
    ts_us,
    ts_us - MOD(ts_us, 86400000000) AS bin_us,
    ts_us AS sent_us
  FROM exchanges
  WHERE
    ts_us > -31539600000000
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
    AND NOT account_id IS NULL
    AND NOT exchange_id IS NULL
    AND NOT source_ip IS NULL
), narrowed AS (
  SELECT
    account_id,
    exchange_id,
    network_kind,
    operation,
    path,
    source_ip,
    status,
    ts_us,
    bin_us,
    sent_us
  FROM chosen
  WHERE
    source_ip IN (
      SELECT
        source_ip
      FROM chosen
      WHERE
        status IN (401, 402, 403, 429)
    )
), lagged AS (
  SELECT
    account_id,
    exchange_id,
    network_kind,
    operation,
    path,
    source_ip,
    status,
    ts_us,
    bin_us,
    sent_us,
    LAG(account_id) OVER (PARTITION BY source_ip ORDER BY ts_us, exchange_id) AS lag_account_id,
    LAG(status) OVER (PARTITION BY source_ip ORDER BY ts_us, exchange_id) AS lag_status,
    LAG(ts_us) OVER (PARTITION BY source_ip ORDER BY ts_us, exchange_id) AS lag_ts_us,
    ROW_NUMBER() OVER (PARTITION BY source_ip ORDER BY ts_us, exchange_id) AS place
  FROM narrowed
), before AS (
  SELECT
    account_id,
    exchange_id,
    network_kind,
    operation,
    path,
    source_ip,
    status,
    ts_us,
    bin_us,
    sent_us,
    CASE WHEN place > 1 THEN lag_account_id END AS previous_account_id,
    CASE WHEN place > 1 THEN lag_status END AS previous_status,
    CASE WHEN place > 1 THEN lag_ts_us END AS previous_ts_us
  FROM lagged
), lagged_2 AS (
  SELECT
    account_id,
    exchange_id,
    network_kind,
    operation,
    path,
    source_ip,
    status,
    ts_us,
    bin_us,
    sent_us,
    previous_account_id,
    previous_status,
    previous_ts_us,
    LAG(sent_us) OVER (PARTITION BY source_ip, account_id ORDER BY ts_us, exchange_id) AS lag_sent_us,
    ROW_NUMBER() OVER (PARTITION BY source_ip, account_id ORDER BY ts_us, exchange_id) AS place
  FROM before
), before_2 AS (
  SELECT
    account_id,
    exchange_id,
    network_kind,
    operation,
    path,
    source_ip,
    status,
    ts_us,
    bin_us,
    sent_us,
    previous_account_id,
    previous_status,
    previous_ts_us,
    CASE WHEN place > 1 THEN lag_sent_us END AS previous_sent_us
  FROM lagged_2
), figures AS (
  SELECT
    source_ip,
    account_id,
    bin_us,
    COUNT(*) AS takeovers,
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
    ) AS shared_takeovers,
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
    ) AS unshared_takeovers,
    COUNT(*) AS n,
    MIN(ts_us) AS first_seen,
    MAX(ts_us) AS last_seen
  FROM before_2
  WHERE
    previous_status IN (401, 402, 403, 429)
    AND account_id <> previous_account_id
    AND (
      ts_us - previous_ts_us
    ) <= 10000000
    AND (
      previous_sent_us IS NULL OR (
        ts_us - previous_sent_us
      ) > 3600000000
    )
    AND status < 400
    AND ts_us > -31536000000000
  GROUP BY
    source_ip,
    account_id,
    bin_us
), figures_2 AS (
  SELECT
    source_ip,
    bin_us,
    COUNT(*) AS stepped_in,
    SUM(takeovers) AS takeovers,
    SUM(shared_takeovers) AS shared_takeovers,
    SUM(unshared_takeovers) AS unshared_takeovers,
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
  CASE WHEN shared_takeovers > 0 THEN 1 WHEN unshared_takeovers > 0 THEN 2 ELSE 1 END AS severity,
  COALESCE(CAST(stepped_in AS FLOAT64) / 3, 0) AS statistic,
  n,
  first_seen,
  last_seen,
  stepped_in,
  takeovers,
  shared_takeovers,
  unshared_takeovers
FROM figures_2
WHERE
  stepped_in > 3

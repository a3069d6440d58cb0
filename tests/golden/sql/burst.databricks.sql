-- Written for databricks, not executed here.
WITH chosen AS (
  SELECT
    source_ip,
    ts_us,
    ts_us - ts_us % 60000000 AS minute_us
  FROM (
    SELECT
      ts_us,
      source_ip
    FROM exchanges
    WHERE
      ts_us > -31536000000000 - 60000000
      AND ts_us <= 86400000000
      AND (
        method IS NULL OR method IN ('POST')
      )
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
  )
), busy AS (
  SELECT
    source_ip,
    ROW_NUMBER() OVER (ORDER BY source_ip NULLS LAST) AS number
  FROM (
    SELECT
      source_ip
    FROM chosen
    GROUP BY
      source_ip
    HAVING
      COUNT(*) > 100
  )
), sent AS (
  SELECT
    b.number,
    c.ts_us,
    c.minute_us
  FROM chosen AS c
  JOIN busy AS b
    ON b.source_ip = c.source_ip
), minutes AS (
  SELECT
    number,
    minute_us,
    COUNT(*) AS requests
  FROM sent
  GROUP BY
    number,
    minute_us
), heavy AS (
  SELECT
    number,
    minute_us
  FROM minutes
  WHERE
    requests * 2 > 100
), wanted AS (
  SELECT
    number,
    minute_us
  FROM heavy
  UNION
  SELECT
    number,
    minute_us - 60000000 AS minute_us
  FROM heavy
  UNION
  SELECT
    number,
    minute_us + 60000000 AS minute_us
  FROM heavy
), counted AS (
  SELECT
    s.number,
    s.ts_us,
    s.minute_us,
    COUNT(*) OVER (
      PARTITION BY s.number
      ORDER BY s.ts_us NULLS LAST
      RANGE BETWEEN 59999999 PRECEDING AND CURRENT ROW
    ) AS peak_requests
  FROM sent AS s
  JOIN wanted AS w
    ON s.number = w.number AND s.minute_us = w.minute_us
), above AS (
  SELECT
    number,
    ts_us,
    minute_us,
    peak_requests,
    MAX(peak_requests) OVER (PARTITION BY number, minute_us) AS peak
  FROM counted
  WHERE
    peak_requests > 100 AND ts_us > -31536000000000
)
SELECT
  b.source_ip,
  MAX(CASE WHEN peak_requests > 1000 THEN 3 ELSE 2 END) AS severity,
  MAX(COALESCE(CAST(peak_requests AS DOUBLE) / 100, 0)) AS statistic,
  MAX(peak_requests) AS peak_requests,
  MIN(CASE WHEN peak_requests = peak THEN ts_us END) AS peak_us,
  COUNT(*) AS requests_above,
  COUNT(DISTINCT ts_us - ts_us % 1000000) AS seconds_above,
  MIN(ts_us) AS first_seen,
  MAX(ts_us) AS last_seen
FROM above AS a
JOIN busy AS b
  ON b.number = a.number
GROUP BY
  b.source_ip,
  minute_us

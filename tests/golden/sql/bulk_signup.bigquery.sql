-- Written for bigquery, not executed here.
WITH chosen AS (
  SELECT
    account_id,
    created_at,
    created_at_us,
    email_domain,
    email_pattern,
    org_id,
    created_at_us - MOD(created_at_us, 86400000000) AS bin_us,
    COALESCE(org_id, account_id) AS owner
  FROM directory
  WHERE
    created_at_us > -31536000000000
    AND created_at_us <= 86400000000
    AND NOT created_at IS NULL
    AND NOT email_domain IS NULL
    AND NOT email_pattern IS NULL
), large AS (
  SELECT
    email_domain,
    email_pattern,
    bin_us
  FROM chosen
  GROUP BY
    email_domain,
    email_pattern,
    bin_us
  HAVING
    COUNT(*) > 30
), thinned AS (
  SELECT
    c.account_id,
    c.created_at,
    c.created_at_us,
    c.email_domain,
    c.email_pattern,
    c.org_id,
    c.bin_us,
    c.owner
  FROM chosen AS c
  JOIN large AS l
    ON l.email_domain = c.email_domain
    AND l.email_pattern = c.email_pattern
    AND l.bin_us = c.bin_us
), figures AS (
  SELECT
    email_domain,
    email_pattern,
    owner,
    bin_us,
    COUNT(*) AS accounts,
    COUNT(*) AS n,
    MIN(created_at_us) AS first_seen,
    MAX(created_at_us) AS last_seen
  FROM thinned
  GROUP BY
    email_domain,
    email_pattern,
    owner,
    bin_us
), figures_2 AS (
  SELECT
    email_domain,
    email_pattern,
    bin_us,
    SUM(accounts) AS accounts,
    COUNT(*) AS owners,
    SUM(n) AS n,
    MIN(first_seen) AS first_seen,
    MAX(last_seen) AS last_seen
  FROM figures
  GROUP BY
    email_domain,
    email_pattern,
    bin_us
)
SELECT
  email_domain,
  email_pattern,
  bin_us,
  CASE
    WHEN email_domain IN (
      'gmail.com',
      'googlemail.com',
      'outlook.com',
      'hotmail.com',
      'live.com',
      'yahoo.com',
      'icloud.com',
      'proton.me',
      'gmx.de',
      'web.de',
      'mail.ru',
      'yandex.ru',
      'qq.com',
      '163.com',
      '126.com',
      'naver.com'
    )
    THEN 1
    WHEN owners > 30
    THEN 2
    ELSE 1
  END AS severity,
  COALESCE(CAST(accounts AS FLOAT64) / 30, 0) AS statistic,
  n,
  first_seen,
  last_seen,
  accounts,
  owners
FROM figures_2
WHERE
  accounts > 30

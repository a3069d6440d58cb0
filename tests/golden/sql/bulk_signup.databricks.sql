-- Written for databricks, not executed here.
WITH chosen AS (
  SELECT
    created_at,
    created_at_us,
    email_domain,
    email_pattern,
    created_at_us - created_at_us % 86400000000 AS bin_us
  FROM directory
  WHERE
    created_at_us > -31536000000000
    AND created_at_us <= 86400000000
    AND NOT created_at IS NULL
    AND NOT email_domain IS NULL
    AND NOT email_pattern IS NULL
), figures AS (
  SELECT
    email_domain,
    email_pattern,
    bin_us,
    COUNT(*) AS accounts,
    COUNT(*) AS n,
    MIN(created_at_us) AS first_seen,
    MAX(created_at_us) AS last_seen
  FROM chosen
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
    ELSE 2
  END AS severity,
  COALESCE(CAST(accounts AS DOUBLE) / 30, 0) AS statistic,
  n,
  first_seen,
  last_seen,
  accounts
FROM figures
WHERE
  accounts > 30

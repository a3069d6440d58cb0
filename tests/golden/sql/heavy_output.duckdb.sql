WITH figures AS (
    SELECT account_id,
           COUNT(*) AS total_requests,
           AVG(output_tokens) AS mean_output_tokens,
           SUM(CASE WHEN max_tokens > 0 THEN output_tokens END) AS share_of_max_tokens_part,
           SUM(CASE WHEN max_tokens > 0 THEN max_tokens END) AS share_of_max_tokens_whole,
           COUNT(*) AS n,
           MIN(ts_us) AS first_seen,
           MAX(ts_us) AS last_seen
    FROM exchanges
    WHERE ts_us > -9999913600000000
      AND ts_us <= 86400000000
      AND (path IN ('/v1/messages', '/v1/chat/completions', '/v1/responses', '/v1/completions', '/v1/generate')
          OR STARTS_WITH(path, '/v1/messages?')
          OR STARTS_WITH(path, '/v1/chat/completions?')
          OR STARTS_WITH(path, '/v1/responses?')
          OR STARTS_WITH(path, '/v1/completions?')
          OR STARTS_WITH(path, '/v1/generate?')
          OR (path IS NULL AND (operation IS NULL
          OR operation IN ('chat', 'completion', 'completions', 'generate_content', 'message', 'messages', 'response', 'responses', 'text_completion'))))
      AND output_tokens IS NOT NULL
      AND account_id IS NOT NULL
    GROUP BY account_id
),
chosen AS (
    SELECT account_id, total_requests, mean_output_tokens, share_of_max_tokens_part, share_of_max_tokens_whole, n, first_seen, last_seen, CAST(share_of_max_tokens_part AS DOUBLE) / NULLIF(share_of_max_tokens_whole, 0) AS share_of_max_tokens
    FROM figures
)
SELECT account_id, 3 AS severity, LEAST(COALESCE(CAST(total_requests AS DOUBLE) / 1000, 0), COALESCE(CAST(mean_output_tokens AS DOUBLE) / 500.0, 0)) AS statistic, n, first_seen, last_seen, total_requests, mean_output_tokens, share_of_max_tokens
FROM chosen
WHERE total_requests > 1000
  AND mean_output_tokens > 500.0

-- One row a contact that may be written to: how it has answered lately, and which message suits next. The hour is the one
-- at which it answers most; who never answered gets the evening, when most do.
WITH messages AS (
  SELECT
    contact_id,
    direction,
    created_on,
    metadata ->> 'nudge' AS nudge,
    date_part('hour', created_on AT TIME ZONE 'America/Sao_Paulo') AS hour,
    max(created_on) OVER () AS newest
  FROM `operations-dashboards.analytics.fact_messages`
),
hours AS (
  SELECT
    contact_id,
    hour,
    row_number() OVER (PARTITION BY contact_id ORDER BY count(*) DESC, hour) AS rank
  FROM messages
  WHERE direction = 'I'
  GROUP BY contact_id, hour
),
talk AS (
  SELECT
    contact_id,
    count(CASE WHEN direction = 'O' AND created_on > newest - INTERVAL 30 DAY THEN 1 END) AS sent_30d,
    count(CASE WHEN direction = 'I' AND created_on > newest - INTERVAL 30 DAY THEN 1 END) AS replies_30d,
    max(CASE WHEN direction = 'I' THEN created_on END) AS last_reply_at
  FROM messages
  GROUP BY contact_id
)
SELECT
  c.id AS contact_id,
  c.uuid AS contact_uuid,
  CASE
    WHEN t.sent_30d IS NULL OR t.sent_30d = 0 THEN 'new'
    WHEN t.replies_30d = 0 THEN 'silent'
    WHEN t.replies_30d * 2 >= t.sent_30d THEN 'engaged'
    ELSE 'occasional'
  END AS segment,
  CASE
    WHEN t.sent_30d IS NULL OR t.sent_30d = 0 THEN 'welcome'
    WHEN t.replies_30d = 0 THEN 'praise'
    WHEN t.replies_30d * 2 >= t.sent_30d THEN 'challenge'
    ELSE 'reminder'
  END AS next_best_message,
  CAST(coalesce(h.hour, 19) AS INTEGER) AS best_hour
FROM `operations-dashboards.analytics.dim_contacts` AS c
LEFT JOIN talk AS t ON t.contact_id = c.id
LEFT JOIN hours AS h ON h.contact_id = c.id AND h.rank = 1
WHERE c.is_active AND c.status = 'A'

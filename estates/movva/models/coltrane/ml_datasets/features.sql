-- One row a contact and cut-off date, a week apart: what was known then, and whether the contact stayed silent in the
-- week after. The newest cut-off has no week after it yet: its label is NULL, and its rows are what to predict.
WITH messages AS (
  SELECT
    contact_id,
    created_on,
    channel_id,
    direction = 'I' AS is_reply,
    metadata ->> 'nudge' AS nudge,
    date_part('hour', created_on AT TIME ZONE 'America/Sao_Paulo') AS hour
  FROM `operations-dashboards.analytics.fact_messages`
),
span AS (
  SELECT min(created_on) AS oldest, max(created_on) AS newest FROM messages
),
cut_offs AS (
  SELECT
    newest - week * INTERVAL 7 DAY AS cut_off,
    week = 0 AS is_open
  FROM span
  CROSS JOIN (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8)) AS weeks(week)
  WHERE newest - week * INTERVAL 7 DAY >= oldest + INTERVAL 7 DAY
),
seen AS (
  SELECT
    m.*,
    c.cut_off,
    c.is_open,
    m.created_on <= c.cut_off AS is_known,
    max(CASE WHEN m.is_reply AND m.created_on <= c.cut_off THEN m.created_on END)
      OVER (PARTITION BY m.contact_id, c.cut_off) AS last_reply_at
  FROM messages AS m
  JOIN cut_offs AS c
    ON m.created_on > c.cut_off - INTERVAL 60 DAY AND m.created_on <= c.cut_off + INTERVAL 7 DAY
),
history AS (
  SELECT
    contact_id,
    cut_off,
    count(CASE WHEN is_known AND NOT is_reply AND created_on > cut_off - INTERVAL 7 DAY THEN 1 END) AS sent_7d,
    count(CASE WHEN is_known AND NOT is_reply THEN 1 END) AS sent_60d,
    count(CASE WHEN is_known AND is_reply AND created_on > cut_off - INTERVAL 7 DAY THEN 1 END) AS replies_7d,
    count(CASE WHEN is_known AND is_reply THEN 1 END) AS replies_60d,
    count(CASE WHEN is_known AND NOT is_reply AND (last_reply_at IS NULL OR created_on > last_reply_at) THEN 1 END)
      AS unanswered,
    count(CASE WHEN is_known AND NOT is_reply THEN nudge END)
      - count(DISTINCT CASE WHEN is_known AND NOT is_reply THEN nudge END) AS repeated_nudges,
    count(CASE WHEN is_known AND is_reply AND hour BETWEEN 6 AND 11 THEN 1 END) AS replies_morning,
    count(CASE WHEN is_known AND is_reply AND hour BETWEEN 12 AND 17 THEN 1 END) AS replies_afternoon,
    count(CASE WHEN is_known AND is_reply AND hour BETWEEN 18 AND 23 THEN 1 END) AS replies_evening,
    CASE WHEN max(channel_id) <= 2 THEN 'sms' ELSE 'whatsapp' END AS channel,
    max(last_reply_at) AS last_reply_at,
    max(CASE WHEN is_known AND NOT is_reply THEN created_on END) AS last_sent_at,
    CASE WHEN NOT bool_or(is_open) THEN count(CASE WHEN NOT is_known AND is_reply THEN 1 END) = 0 END AS went_silent
  FROM seen
  GROUP BY contact_id, cut_off
)
SELECT
  h.contact_id,
  h.cut_off,
  h.sent_7d,
  h.sent_60d,
  h.replies_7d,
  h.replies_60d,
  round(h.replies_60d / (h.sent_60d + h.replies_60d), 4) AS reply_share,
  date_diff('hour', h.last_reply_at, h.cut_off) AS hours_since_reply,
  date_diff('hour', h.last_sent_at, h.cut_off) AS hours_since_sent,
  h.unanswered,
  h.repeated_nudges,
  h.replies_morning,
  h.replies_afternoon,
  h.replies_evening,
  h.channel,
  CAST(c.fields -> 'serie' ->> 'number' AS INTEGER) AS grade,
  c.fields -> 'turno' ->> 'text' AS shift,
  list_contains(c.groups, 'Professores') AS is_teacher,
  t.treatment,
  t.reads_together,
  t.confidence,
  t.barrier,
  h.went_silent
FROM history AS h
LEFT JOIN `operations-dashboards.analytics.dim_contacts` AS c ON c.id = h.contact_id
LEFT JOIN `coltrane.ml_datasets.training_data` AS t ON t.contact_uuid = c.uuid
WHERE h.sent_60d > 0

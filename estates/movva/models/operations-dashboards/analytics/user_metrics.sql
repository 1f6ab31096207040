-- One row a user of the application: what was sent, what came back, what was ordered. Ages are counted from the newest
-- message of all, so the same data gives the same rows. A user's number is that of the contact.
WITH messages AS (
  SELECT
    contact_id,
    direction,
    status,
    cost,
    created_on,
    max(created_on) OVER () AS newest
  FROM `operations-dashboards.analytics.fact_messages`
),
talk AS (
  SELECT
    contact_id,
    count(CASE WHEN direction = 'O' THEN 1 END) AS sent,
    count(CASE WHEN direction = 'O' AND status = 'R' THEN 1 END) AS seen,
    count(CASE WHEN direction = 'O' AND status = 'F' THEN 1 END) AS failed,
    count(CASE WHEN direction = 'I' THEN 1 END) AS replies,
    count(CASE WHEN direction = 'O' AND created_on > newest - INTERVAL 30 DAY THEN 1 END) AS sent_30d,
    count(CASE WHEN direction = 'I' AND created_on > newest - INTERVAL 30 DAY THEN 1 END) AS replies_30d,
    sum(cost) AS message_cost,
    max(CASE WHEN direction = 'O' THEN created_on END) AS last_sent_at,
    max(CASE WHEN direction = 'I' THEN created_on END) AS last_reply_at,
    max(newest) AS newest
  FROM messages
  GROUP BY contact_id
),
purchases AS (
  SELECT
    user_id,
    count(*) AS orders,
    sum(total) AS ordered_total,
    max(ordered_at) AS last_order_at
  FROM `operations-dashboards.analytics.fact_orders`
  WHERE status NOT IN ('draft', 'cancelled')
  GROUP BY user_id
)
SELECT
  u.id AS user_id,
  CAST(u.role AS VARCHAR) AS role,
  u.school,
  u.city,
  u.state,
  u.is_active,
  c.status AS contact_status,
  coalesce(t.sent, 0) AS messages_sent,
  coalesce(t.seen, 0) AS messages_seen,
  coalesce(t.failed, 0) AS messages_failed,
  coalesce(t.replies, 0) AS replies,
  coalesce(t.sent_30d, 0) AS messages_30d,
  coalesce(t.replies_30d, 0) AS replies_30d,
  round(t.replies / nullif(t.sent, 0), 4) AS reply_rate,
  coalesce(t.message_cost, 0) AS message_cost,
  t.last_sent_at,
  t.last_reply_at,
  date_diff('day', t.last_reply_at, t.newest) AS days_since_reply,
  coalesce(p.orders, 0) AS orders,
  coalesce(p.ordered_total, 0) AS ordered_total,
  p.last_order_at,
  CASE
    WHEN coalesce(t.sent, 0) = 0 THEN 'new'
    WHEN t.replies_30d = 0 THEN 'silent'
    WHEN t.replies_30d >= 3 THEN 'engaged'
    ELSE 'occasional'
  END AS segment
FROM `operations-dashboards.analytics.dim_users` AS u
LEFT JOIN `operations-dashboards.analytics.dim_contacts` AS c ON c.id = u.id
LEFT JOIN talk AS t ON t.contact_id = u.id
LEFT JOIN purchases AS p ON p.user_id = u.id

-- What the model says of each user of the application, and which nudge suits.
SELECT
  t.user_id,
  t.contact_uuid,
  round(s.silence_risk, 4) AS churn_probability,
  CASE
    WHEN t.messages_30d = 0 THEN 'welcome'
    WHEN s.silence_risk > 0.7 THEN 'praise'
    WHEN s.silence_risk > 0.3 THEN 'reminder'
  END AS next_nudge,
  s.model || ' ' || s.version AS model,
  s.predicted_at AS scored_at
FROM `coltrane.predictions.silence_risk` AS s
JOIN `operations-dashboards.analytics.dim_contacts` AS c ON c.id = s.contact_id
JOIN `coltrane.ml_datasets.training_data` AS t ON t.contact_uuid = c.uuid

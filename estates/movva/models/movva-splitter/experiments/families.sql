-- Who takes part: families that can be written to, with what their arms are balanced by.
SELECT
  id AS contact_id,
  fields -> 'escola' ->> 'text' AS school,
  fields -> 'serie' ->> 'text' AS grade
FROM `operations-dashboards.analytics.dim_contacts`
WHERE is_active AND status = 'A' AND list_contains(groups, 'Famílias')

-- Who takes part: families that can be written to, with what their arms are balanced by.
SELECT
  id AS contact_id,
  coalesce(fields -> 'escola' ->> 'text', 'sem escola') AS school,
  coalesce(fields -> 'serie' ->> 'text', 'sem série') AS grade
FROM `operations-dashboards.analytics.dim_contacts`
WHERE is_active AND status = 'A' AND list_contains(groups, 'Famílias')

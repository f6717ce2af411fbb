-- Hours that the watermark has passed since, or no longer passes.
SELECT h.sla, h.hour_start
FROM report.sla_hourly_by_breach AS h
LEFT JOIN daybook.watermarks AS w USING (sla)
WHERE h.is_final <> coalesce(h.hour_start + interval '1 hour' <= w.watermark, false)

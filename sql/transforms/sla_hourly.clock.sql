-- Hours that the watermark has passed since, or no longer passes. Their cases started within the hour, so that the
-- last deadline is at most an hour after the first.
SELECT h.sla, h.hour_start
FROM report.sla_hourly AS h
JOIN daybook.slas AS s USING (sla)
LEFT JOIN daybook.watermarks AS w USING (sla)
WHERE CASE
    WHEN h.is_final
        THEN coalesce(h.hour_start + greatest(s.within, interval '0') + interval '1 hour' > w.watermark, true)
    ELSE h.hour_start + s.within < w.watermark AND h.hour_start + interval '1 hour' <= w.watermark
END

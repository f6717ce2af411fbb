-- test: An hour counts the cases that started in it, and what became of them.
-- model: report.sla_hourly

-- given: report.fact_sla (sla, case_id, cycle, started_at, completed_at, elapsed_seconds, breach_at, status, breached)
VALUES
    ('sent', 'a', 1, '2026-01-05 08:00Z', '2026-01-05 08:10Z', 600, '2026-01-05 08:30Z', 'completed', false),
    ('sent', 'b', 1, '2026-01-05 08:59Z', '2026-01-05 09:59Z', 3600, '2026-01-05 09:29Z', 'completed', true),
    ('sent', 'c', 1, '2026-01-05 08:30Z', NULL, NULL, '2026-01-05 09:00Z', 'in_progress', true),
    ('sent', 'd', 1, '2026-01-05 09:00Z', NULL, NULL, '2026-01-05 09:30Z', 'in_progress', NULL)

-- given: daybook.watermarks (sla, watermark)
VALUES ('sent', '2026-01-05 09:29:30Z')

-- expect: (sla, hour_start, started, completed, met, late, open, overdue, breached, p50_seconds, is_final)
VALUES
    ('sent', '2026-01-05 08:00Z', 3, 2, 1, 1, 1, 1, 2, 2100, true),
    ('sent', '2026-01-05 09:00Z', 1, 0, 0, 0, 1, 0, 0, NULL, false)

-- test: With each, a start opens a cycle where none is open, and the next end or cancel closes it.
-- model: report.fact_sla

-- given: daybook.slas (sla, pipeline, entity, within, occurrence, order_by, clock_skew, clock, definition_version, as_of)
VALUES ('sent', 'orders', 'order', '1 hour', 'each', 'time', '0', 'data', 1, '2026-01-05 12:00Z')

-- given: daybook.sla_types (sla, role, type, is_namespace)
VALUES
    ('sent', 'start', 'order.made', false),
    ('sent', 'end', 'order.sent', false),
    ('sent', 'cancel', 'order.lost', false)

-- given: raw.events (entity, type)
VALUES ('order', 'order.made'), ('order', 'order.sent'), ('order', 'order.lost')

-- given: raw.current_events (entity, case_id, event_id, type, occurred_at)
VALUES
    ('order', 'a', '1', 'order.made', '2026-01-05 08:00Z'),
    ('order', 'a', '2', 'order.made', '2026-01-05 08:10Z'),
    ('order', 'a', '3', 'order.sent', '2026-01-05 08:30Z'),
    ('order', 'a', '4', 'order.sent', '2026-01-05 08:40Z'),
    ('order', 'a', '5', 'order.made', '2026-01-05 09:00Z'),
    ('order', 'a', '6', 'order.lost', '2026-01-05 09:20Z'),
    ('order', 'a', '7', 'order.made', '2026-01-05 10:00Z')

-- expect: (sla, case_id, cycle, start_event_id, end_event_id, elapsed_seconds, status, breached)
VALUES
    ('sent', 'a', 1, '1', '3', 1800, 'completed', false),
    ('sent', 'a', 2, '5', NULL, NULL, 'cancelled', NULL),
    ('sent', 'a', 3, '7', NULL, NULL, 'in_progress', true)

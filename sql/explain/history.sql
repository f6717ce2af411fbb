-- Every version of an hour's row, the first one first, with what brought it.
-- $1: the SLA   $2: the hour
SELECT to_char(h.valid_from, 'YYYY-MM-DD"T"HH24:MI:SS.MSTZH:TZM') AS valid_from,
    to_char(h.valid_to, 'YYYY-MM-DD"T"HH24:MI:SS.MSTZH:TZM') AS valid_to,
    h.cause, h.is_final,
    coalesce(lag(h.is_final) OVER (ORDER BY h.valid_from), false) AS is_restatement,
    h.started, h.completed, h.met, h.late, h.open, h.overdue, h.cancelled, h.anomalous, h.breached, h.attainment,
    h.avg_seconds, h.p50_seconds, h.p90_seconds, h.p95_seconds, h.p99_seconds, h.max_seconds,
    h.load_ids,
    (SELECT string_agg(DISTINCT l.object, ', ' ORDER BY l.object)
    FROM daybook.loads AS l WHERE l.load_id = ANY (h.load_ids[1:20])) AS objects
FROM report.sla_hourly_history AS h
WHERE h.sla = $1 AND h.hour_start = $2::timestamptz
ORDER BY h.valid_from

-- Where hours, days, months or years of the session's zone begin, for the axis of a chart.
-- $1: from   $2: to   $3: hour, day, month or year
SELECT extract(epoch FROM d)::double precision AS at,
    CASE $3
        WHEN 'hour' THEN CASE WHEN extract(hour FROM d) = 0 THEN to_char(d, 'DD Mon') ELSE to_char(d, 'HH24:MI') END
        WHEN 'day' THEN to_char(d, 'Dy DD Mon')
        WHEN 'month' THEN to_char(d, 'Mon YYYY')
        ELSE to_char(d, 'YYYY')
    END AS label,
    CASE $3 WHEN 'hour' THEN extract(hour FROM d) WHEN 'month' THEN extract(month FROM d) - 1 ELSE 0 END::integer
        AS number
FROM generate_series(
    date_trunc($3, $1::timestamptz, current_setting('timezone')), $2::timestamptz, ('1 ' || $3)::interval
) AS d
WHERE d >= $1::timestamptz
ORDER BY d

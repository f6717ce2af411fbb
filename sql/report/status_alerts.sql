-- How many alerts fire, and how many of them somebody has taken on.
SELECT count(*) AS firing, count(acknowledged_at) AS acknowledged
FROM daybook.alerts
WHERE state = 'firing'

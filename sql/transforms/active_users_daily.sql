-- model: report.active_users_daily
-- key: day, entity
-- from: daybook.user_days
-- additive: active_users
-- time: day
-- description: How many users there were on each UTC day.
SELECT day, entity, count(*) AS active_users
FROM daybook.user_days
GROUP BY day, entity

-- From now on every deadline that is passed is told, also where its case has come to an end by then.
UPDATE daybook.alert_rules AS r
SET told_from = s.as_of
FROM daybook.slas AS s
WHERE s.sla = r.sla AND r.type = 'overdue' AND r.told_from IS NULL

-- What else the catalogue keeps of these events.
DELETE FROM daybook.replacements AS r
USING pg_temp.erased AS e
WHERE r.case_id = e.case_id AND r.event_id = e.event_id AND r.source_id = e.source_id AND r.occurred_at = e.occurred_at;
DELETE FROM daybook.resent AS r
USING pg_temp.erased AS e
WHERE r.case_id = e.case_id AND r.event_id = e.event_id AND r.source_id = e.source_id;

-- The columns of relations, in their order. $1: their names, with schema
SELECT n.nspname || '.' || c.relname AS relation, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
    col_description(c.oid, a.attnum) AS description
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname IN ('raw', 'report') AND n.nspname || '.' || c.relname = ANY ($1::text[])
ORDER BY relation, a.attnum

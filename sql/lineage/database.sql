-- What tells this database from others, wherever it is restored: its name, and when Daybook made its first table there.
SELECT current_database() AS name, current_setting('server_version') AS server_version,
    (extract(epoch FROM applied_at) * 1000000)::bigint AS built_at
FROM daybook.schema_files
ORDER BY version
LIMIT 1

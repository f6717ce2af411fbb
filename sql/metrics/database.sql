-- What the database takes on the disk.
SELECT pg_database_size(current_database()) AS bytes

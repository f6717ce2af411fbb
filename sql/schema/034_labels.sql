-- Types, services and users may be as long as a source writes them, and an index takes 2,700 bytes.
CREATE FUNCTION daybook.label(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN octet_length(value) <= 500 THEN value ELSE left(value, 100) || '...' || md5(value) END;
COMMENT ON FUNCTION daybook.label IS 'A type, service or user as reports name it: as it is up to 500 bytes; of a longer one its first 100 characters, ... and its MD5';

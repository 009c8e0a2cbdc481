-- What is settled keeps its place, its reason and the hash of its value; the bytes, which may hold what should
-- never have come, are gone. The hash tells it when it is read again.
ALTER TABLE quarantine ADD COLUMN value_sha256 bytea;
UPDATE quarantine SET value_sha256 = sha256(coalesce(value, ''::bytea));
UPDATE quarantine SET key = NULL, value = NULL, headers = '[]' WHERE status <> 'held';
DROP INDEX quarantine_once;
CREATE UNIQUE INDEX quarantine_once ON quarantine (consumer, topic, partition, log_offset, value_sha256);

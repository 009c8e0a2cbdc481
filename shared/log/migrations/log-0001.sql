-- The embedded log. One row of log_end serialises the writers of a partition and is held to commit, so
-- offsets are dense and become visible in order: a reader that asks for what comes next skips nothing.
CREATE TABLE log_end (
    topic text,
    partition integer,
    next_offset bigint NOT NULL,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- headers is a MessagePack list of [name, value]: order and repeats are kept. appended_at tells when dead
-- letters are thirty days old and dropped, as on Kafka: they hold what could not be taken, whole.
CREATE TABLE log_record (
    topic text,
    partition integer,
    "offset" bigint,
    key bytea NOT NULL,
    value bytea,
    headers bytea NOT NULL,
    appended_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, "offset")
);

-- Compacted topics: a later record of a key takes the place of the earlier one.
CREATE TABLE log_latest (
    topic text,
    partition integer,
    key bytea,
    "offset" bigint NOT NULL,
    value bytea,
    headers bytea NOT NULL,
    PRIMARY KEY (topic, partition, key)
);
-- What is replaced within the second is not worth compressing: PostgreSQL's own way takes three times as
-- long for a snapshot as writing all of it.
ALTER TABLE log_latest ALTER COLUMN value SET STORAGE EXTERNAL;
CREATE INDEX log_latest_in_order ON log_latest (topic, partition, "offset");

-- As the owner, because no service removes records; of the letters alone, by the time that is its own.
CREATE FUNCTION drop_dead_letters() RETURNS text LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public AS $$
DECLARE dropped bigint;
BEGIN
    DELETE FROM log_record AS r
    WHERE r.topic LIKE '%.dlq' AND r.appended_at < now() - interval '30 days';
    GET DIAGNOSTICS dropped = ROW_COUNT;
    RETURN CASE WHEN dropped > 0 THEN format('dropped %s dead letters', dropped) END;
END $$;
REVOKE ALL ON FUNCTION drop_dead_letters() FROM PUBLIC;

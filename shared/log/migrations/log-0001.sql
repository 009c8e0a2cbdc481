-- The embedded log. One row of log_end serialises the writers of a partition and is held to commit, so
-- offsets are dense and become visible in order: a reader that asks for what comes next skips nothing.
CREATE TABLE log_end (
    topic text,
    partition integer,
    next_offset bigint NOT NULL,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- headers is a MessagePack list of [name, value]: order and repeats are kept.
CREATE TABLE log_record (
    topic text,
    partition integer,
    "offset" bigint,
    key bytea NOT NULL,
    value bytea,
    headers bytea NOT NULL,
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
CREATE INDEX log_latest_in_order ON log_latest (topic, partition, "offset");

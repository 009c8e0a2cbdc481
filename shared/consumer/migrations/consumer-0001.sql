-- How far each consumer has come, in the transaction that does what the events say. The epoch decides who
-- may write: a claim raises it, and whoever still writes under an older one changes nothing.
CREATE TABLE consumer_position (
    consumer text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    next_offset bigint NOT NULL DEFAULT 0, -- of the log; means nothing outside it
    position bigint NOT NULL DEFAULT 0, -- of the last event taken
    epoch bigint NOT NULL DEFAULT 1,
    owner text NOT NULL,
    broken_run int NOT NULL DEFAULT 0, -- records quarantined since the last one that was sound
    PRIMARY KEY (consumer, topic, partition)
) WITH (fillfactor = 50);

-- Records that could not be taken, whole, until somebody retries or discards them.
CREATE TABLE quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    log_offset bigint NOT NULL,
    position bigint, -- the position that the record used up, if it could be trusted to have one
    type text,
    reason text NOT NULL,
    detail text NOT NULL,
    key bytea,
    value bytea,
    headers jsonb NOT NULL, -- [[name, base64 or null], ...]
    first_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
    mirrored_at timestamptz, -- when it was in the dead letter topic too
    status text NOT NULL DEFAULT 'held' CHECK (status IN ('held', 'retried', 'discarded')),
    settled_at timestamptz,
    settled_by text,
    value_sha256 bytea, -- by which a settled record, whose bytes are gone, is known when it is read again
    CHECK ((status = 'held') = (settled_at IS NULL))
);
CREATE INDEX quarantine_held ON quarantine (consumer, id) WHERE status = 'held';
CREATE INDEX quarantine_unmirrored ON quarantine (consumer, id) WHERE mirrored_at IS NULL;
-- While a gap holds a partition up its records are read again after each restart.
CREATE UNIQUE INDEX quarantine_once ON quarantine (
    consumer, topic, partition, log_offset, value_sha256
);

-- Types that this build did not know when they came: used up their positions, and changed nothing.
CREATE TABLE unknown_event (
    consumer text NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    position bigint NOT NULL,
    type text NOT NULL,
    PRIMARY KEY (consumer, topic, partition, position)
);

-- Events of this service, one aggregate a stream, and the number each published one has in its
-- (topic, partition). The order of locks in one transaction is: idempotency keys, streams, read models,
-- heads; each kind sorted. No transaction ever waits for an earlier kind while it holds a later one.

CREATE TABLE stream (
    stream_id text PRIMARY KEY,
    version bigint NOT NULL CHECK (version > 0),
    topic text NOT NULL,
    partition integer NOT NULL,
    key text NOT NULL
) WITH (fillfactor = 80);

CREATE TABLE event (
    stream_id text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    topic text,
    partition integer,
    position bigint CHECK (position > 0),
    event_id uuid NOT NULL UNIQUE,
    source text NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    key text NOT NULL,
    time timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    correlation_id text,
    causation_id text,
    actor text NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (stream_id, version),
    UNIQUE (topic, partition, position),
    CONSTRAINT private_or_placed CHECK (num_nulls(topic, partition, position) IN (0, 3))
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are never changed: % on % refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Updated once for every published event: small pages with room for many versions of a row.
CREATE TABLE head (
    topic text,
    partition integer,
    position bigint NOT NULL CHECK (position > 0),
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- What an accepted command was told. Its positions are read from its events.
CREATE TABLE idempotency (
    scope text,
    key text,
    request_hash bytea NOT NULL,
    status integer NOT NULL,
    body bytea NOT NULL,
    headers bytea NOT NULL,
    stream_id text NOT NULL,
    after_version bigint NOT NULL,
    last_version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (scope, key)
);

CREATE TABLE relay (
    topic text,
    partition integer,
    position bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
    epoch bigint NOT NULL DEFAULT 0,
    owner text,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- First half of an append: remember the answers, then move the streams on. Returns how many streams
-- were where the caller had read them; fewer than asked means a conflict, and the caller rolls back.
CREATE FUNCTION move_streams(
    scopes text[], keys text[], request_hashes bytea[], statuses integer[], bodies bytea[],
    headers bytea[], answered_streams text[], after_versions bigint[], last_versions bigint[],
    at timestamptz,
    stream_ids text[], read_versions bigint[], new_versions bigint[], topics text[],
    partitions integer[], stream_keys text[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE moved bigint;
BEGIN
    PERFORM set_config('lock_timeout', '1s', true), set_config('statement_timeout', '5s', true),
            set_config('idle_in_transaction_session_timeout', '2s', true);
    INSERT INTO idempotency
        SELECT a.* , at
        FROM unnest(scopes, keys, request_hashes, statuses, bodies, headers, answered_streams,
                    after_versions, last_versions)
            AS a (scope, key, request_hash, status, body, headers, stream_id, after_version,
                  last_version)
        ORDER BY a.scope, a.key;
    WITH known AS MATERIALIZED (
        SELECT s.stream_id, m.new_version
        FROM unnest(stream_ids, read_versions, new_versions)
            AS m (stream_id, read_version, new_version)
        JOIN stream AS s ON s.stream_id = m.stream_id AND s.version = m.read_version
        ORDER BY s.stream_id
        FOR UPDATE OF s
    ), moves AS (
        UPDATE stream AS s SET version = known.new_version
        FROM known WHERE s.stream_id = known.stream_id
        RETURNING 1
    )
    SELECT count(*) INTO moved FROM moves;
    WITH starts AS (
        INSERT INTO stream (stream_id, version, topic, partition, key)
        SELECT m.stream_id, m.new_version, m.topic, m.partition, m.key
        FROM unnest(stream_ids, read_versions, new_versions, topics, partitions, stream_keys)
            AS m (stream_id, read_version, new_version, topic, partition, key)
        WHERE m.read_version = 0
        ORDER BY m.stream_id
        ON CONFLICT (stream_id) DO NOTHING
        RETURNING 1
    )
    SELECT moved + count(*) INTO moved FROM starts;
    RETURN moved;
END $$;

-- Second half, and the last statement of its transaction: number the published events and store all.
-- The heads are the last lock and are held to commit, so positions are dense and in commit order.
CREATE FUNCTION append_events(
    stream_ids text[], versions bigint[], topics text[], partitions integer[], event_ids uuid[],
    sources text[], types text[], subjects text[], keys text[], times timestamptz[],
    at timestamptz, correlation_ids text[], causation_ids text[], actors text[], datas bytea[]
) RETURNS TABLE (given bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH incoming AS MATERIALIZED (
        SELECT e.*, row_number() OVER (PARTITION BY e.topic, e.partition ORDER BY e.place) AS nth
        FROM unnest(stream_ids, versions, topics, partitions, event_ids, sources, types, subjects,
                    keys, times, correlation_ids, causation_ids, actors, datas) WITH ORDINALITY
            AS e (stream_id, version, topic, partition, event_id, source, type, subject,
                  key, time, correlation_id, causation_id, actor, data, place)
    ), counted AS (
        SELECT topic, partition, count(*) AS events FROM incoming
        WHERE topic IS NOT NULL GROUP BY topic, partition
    ), moved AS (
        INSERT INTO head AS h (topic, partition, position)
        SELECT topic, partition, events FROM counted ORDER BY topic, partition
        ON CONFLICT (topic, partition) DO UPDATE SET position = h.position + excluded.position
        RETURNING h.topic, h.partition, h.position
    ), numbered AS MATERIALIZED (
        SELECT i.*, moved.position - counted.events + i.nth AS position
        FROM incoming AS i
        LEFT JOIN counted USING (topic, partition)
        LEFT JOIN moved USING (topic, partition)
    ), stored AS (
        INSERT INTO event (stream_id, version, topic, partition, position, event_id, source, type,
                           subject, key, time, recorded_at, correlation_id, causation_id, actor,
                           data)
        SELECT stream_id, version, topic, partition, position, event_id, source, type,
               subject, key, time, at, correlation_id, causation_id, actor, data
        FROM numbered ORDER BY place
    )
    SELECT position FROM numbered ORDER BY place;
END $$;

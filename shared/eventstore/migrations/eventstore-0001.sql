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

CREATE TABLE relay (
    topic text,
    partition integer,
    position bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
    epoch bigint NOT NULL DEFAULT 0,
    owner text,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- Answers are remembered for thirty days at least, and then forgotten by whole partitions. Each partition
-- holds the keys of one period; one period is open, and what is remembered goes into it.
--
-- No key is remembered twice. While an append is under way nobody opens another period (the advisory lock:
-- shared by appends, exclusive for who opens one), so all that are under way use one partition, whose primary
-- key tells them apart. What was used before it was opened is committed, and is looked for: in the period
-- before it alone, for an append looked up its key in all of them less than a period ago.
CREATE TABLE idempotency_period (
    period integer PRIMARY KEY,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at timestamptz
);
INSERT INTO idempotency_period (period) VALUES (1);

CREATE FUNCTION open_idempotency_period() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7161397871);
    RETURN (SELECT p.period FROM idempotency_period AS p WHERE p.closed_at IS NULL);
END $$;

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
    period integer NOT NULL DEFAULT open_idempotency_period(),
    PRIMARY KEY (scope, key, period)
) PARTITION BY LIST (period);
CREATE TABLE idempotency_1 PARTITION OF idempotency FOR VALUES IN (1);

-- Hashes of requests are keyed: a plain one tells whoever can guess the request, and so a name in it.
CREATE TABLE idempotency_secret (
    secret bytea NOT NULL CHECK (length(secret) = 32),
    only_one boolean NOT NULL DEFAULT true UNIQUE CHECK (only_one)
);
INSERT INTO idempotency_secret (secret) SELECT decode(
    replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'
);

-- Does one thing that is due, as the owner, and says which; NULL when nothing is. The services call it, and
-- can't have it drop what is younger than promised, because all of the times are its own.
CREATE FUNCTION turn_idempotency_period() RETURNS text LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public SET lock_timeout = '1s' AS $$
DECLARE
    opened idempotency_period;
    expired integer;
BEGIN
    PERFORM pg_advisory_xact_lock(7161397872);  -- one at a time
    SELECT p.* INTO STRICT opened FROM idempotency_period AS p WHERE p.closed_at IS NULL;
    IF to_regclass(format('public.idempotency_%s', opened.period + 1)) IS NULL THEN
        EXECUTE format('CREATE TABLE public.idempotency_%s PARTITION OF public.idempotency'
                       ' FOR VALUES IN (%s)', opened.period + 1, opened.period + 1);
        RETURN 'made a partition';
    END IF;
    IF opened.opened_at < now() - interval '10 days' THEN
        PERFORM pg_advisory_xact_lock(7161397871);
        UPDATE idempotency_period AS p SET closed_at = clock_timestamp() WHERE p.period = opened.period;
        INSERT INTO idempotency_period (period) VALUES (opened.period + 1);
        RETURN 'opened a period';
    END IF;
    SELECT min(p.period) INTO expired FROM idempotency_period AS p
    WHERE p.closed_at < now() - interval '30 days';
    IF expired IS NOT NULL THEN
        EXECUTE format('DROP TABLE public.idempotency_%s', expired);
        DELETE FROM idempotency_period AS p WHERE p.period = expired;
        RETURN 'dropped a period';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION turn_idempotency_period() FROM PUBLIC;

-- A whole append in one statement: answers, streams, read models, then heads and events, with locks in
-- that order. Sent alone it is its own transaction, so that nobody waits for a client while it holds
-- locks. What is in the caller's way is raised as a serialization failure, and all of it is undone. The
-- heads are the last lock and are held to commit, so positions are dense and in commit order. Read models
-- are changed by change_read_models(jsonb), where there are any: see below.
--
-- It has two forms, which lock and refuse the same. One event of one stream comes as plain values: plpgsql
-- unfolds each array that it is given, and sets up statements over sets, which together took half of the
-- time of most commands. Of many, the caller says which event is which of its partition's, so that nothing
-- is numbered, sorted or joined here.
CREATE FUNCTION append_one(
    scope text, used_key text, request_hash bytea, status integer, body bytea, headers bytea,
    answered_stream text, after_version bigint, last_version bigint,
    at timestamptz,
    stream_id text, read_version bigint, topic text, partition integer, key text,
    read_models jsonb,
    published boolean, event_id uuid, source text, type text, subject text, happened timestamptz,
    correlation_id text, causation_id text, actor text, data bytea
) RETURNS bigint LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    given bigint;
    opened integer;
BEGIN
    PERFORM set_config('lock_timeout', '1s', true);
    IF scope IS NOT NULL THEN
        opened := open_idempotency_period();
        INSERT INTO idempotency VALUES (
            scope, used_key, request_hash, status, body, headers, answered_stream, after_version,
            last_version, at, opened
        ) ON CONFLICT DO NOTHING;
        IF NOT FOUND OR EXISTS (
            SELECT FROM idempotency AS i
            WHERE i.scope = append_one.scope AND i.key = used_key AND i.period = opened - 1
        ) THEN
            RAISE serialization_failure USING MESSAGE = 'an idempotency key was used meanwhile';
        END IF;
    END IF;

    IF read_version = 0 THEN
        INSERT INTO stream VALUES (stream_id, 1, topic, partition, key) ON CONFLICT DO NOTHING;
    ELSE
        -- who waited for the row looks at its version again, and finds it moved
        UPDATE stream AS s SET version = read_version + 1
        WHERE s.stream_id = append_one.stream_id AND s.version = read_version;
    END IF;
    IF NOT FOUND THEN
        RAISE serialization_failure USING MESSAGE = 'a stream was moved by others';
    END IF;

    IF read_models IS NOT NULL THEN
        PERFORM change_read_models(read_models);
    END IF;

    IF published THEN
        INSERT INTO head AS h VALUES (topic, partition, 1)
        ON CONFLICT ON CONSTRAINT head_pkey DO UPDATE SET position = h.position + 1
        RETURNING h.position INTO given;
    END IF;
    INSERT INTO event VALUES (
        stream_id, read_version + 1, CASE WHEN published THEN topic END,
        CASE WHEN published THEN partition END, given, event_id, source, type, subject, key,
        happened, at, correlation_id, causation_id, actor, data
    );
    RETURN given;
END $$;

-- Each event names its head, counted from 1, and which of that head's new events it is; a private one
-- neither. Returns the position that each head was at.
CREATE FUNCTION append_many(
    scopes text[], used_keys text[], request_hashes bytea[], statuses integer[], bodies bytea[],
    answer_headers bytea[], answered_streams text[], after_versions bigint[],
    last_versions bigint[],
    at timestamptz,
    moved_streams text[], read_versions bigint[], new_versions bigint[], stream_topics text[],
    stream_partitions integer[], stream_keys text[],
    read_models jsonb,
    head_topics text[], head_partitions integer[], head_events bigint[],
    stream_ids text[], versions bigint[], heads integer[], nths bigint[], event_ids uuid[],
    sources text[], types text[], subjects text[], keys text[], times timestamptz[],
    correlation_ids text[], causation_ids text[], actors text[], datas bytea[]
) RETURNS bigint[] LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    there bigint := 0;
    moved bigint := 0;
    bases bigint[] := '{}';
    opened integer;
BEGIN
    PERFORM set_config('lock_timeout', '1s', true);
    IF cardinality(scopes) > 0 THEN
        opened := open_idempotency_period();
        INSERT INTO idempotency
            SELECT a.*, at, opened
            FROM unnest(scopes, used_keys, request_hashes, statuses, bodies, answer_headers,
                        answered_streams, after_versions, last_versions)
                AS a (scope, key, request_hash, status, body, headers, stream_id, after_version,
                      last_version)
            ORDER BY a.scope, a.key
            ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS there = ROW_COUNT;
        IF there < cardinality(scopes) OR EXISTS (
            SELECT FROM unnest(scopes, used_keys) AS a (scope, key)
            JOIN idempotency AS i ON i.scope = a.scope AND i.key = a.key AND i.period = opened - 1
        ) THEN
            RAISE serialization_failure USING MESSAGE = 'an idempotency key was used meanwhile';
        END IF;
    END IF;
    IF cardinality(stream_ids) = 0 THEN
        RETURN bases;
    END IF;

    there := 0;
    IF 0 < ANY (read_versions) THEN
        WITH known AS MATERIALIZED (
            SELECT s.stream_id, m.new_version
            FROM unnest(moved_streams, read_versions, new_versions)
                AS m (stream_id, read_version, new_version)
            JOIN stream AS s ON s.stream_id = m.stream_id AND s.version = m.read_version
            ORDER BY s.stream_id
            FOR UPDATE OF s
        )
        UPDATE stream AS s SET version = known.new_version
        FROM known WHERE s.stream_id = known.stream_id;
        GET DIAGNOSTICS there = ROW_COUNT;
    END IF;
    IF 0 = ANY (read_versions) THEN
        INSERT INTO stream (stream_id, version, topic, partition, key)
            SELECT m.stream_id, m.new_version, m.topic, m.partition, m.key
            FROM unnest(moved_streams, read_versions, new_versions, stream_topics,
                        stream_partitions, stream_keys)
                AS m (stream_id, read_version, new_version, topic, partition, key)
            WHERE m.read_version = 0
            ORDER BY m.stream_id
            ON CONFLICT (stream_id) DO NOTHING;
        GET DIAGNOSTICS moved = ROW_COUNT;
    END IF;
    IF there + moved < cardinality(moved_streams) THEN
        RAISE serialization_failure USING MESSAGE = 'a stream was moved by others';
    END IF;

    IF read_models IS NOT NULL THEN
        PERFORM change_read_models(read_models);
    END IF;

    IF cardinality(head_topics) > 0 THEN
        WITH counted AS MATERIALIZED (
            SELECT c.*
            FROM unnest(head_topics, head_partitions, head_events) WITH ORDINALITY
                AS c (topic, partition, events, place)
        ), moved AS (
            INSERT INTO head AS h (topic, partition, position)
            SELECT topic, partition, events FROM counted ORDER BY topic, partition
            ON CONFLICT (topic, partition) DO UPDATE SET position = h.position + excluded.position
            RETURNING h.topic, h.partition, h.position
        )
        SELECT array_agg(moved.position - counted.events ORDER BY counted.place) INTO bases
        FROM counted JOIN moved USING (topic, partition);
    END IF;
    INSERT INTO event (stream_id, version, topic, partition, position, event_id, source, type,
                       subject, key, time, recorded_at, correlation_id, causation_id, actor, data)
    SELECT e.stream_id, e.version, head_topics[e.head], head_partitions[e.head],
           bases[e.head] + e.nth, e.event_id, e.source, e.type, e.subject, e.key, e.time, at,
           e.correlation_id, e.causation_id, e.actor, e.data
    FROM unnest(stream_ids, versions, heads, nths, event_ids, sources, types, subjects, keys, times,
                correlation_ids, causation_ids, actors, datas)
        AS e (stream_id, version, head, nth, event_id, source, type, subject, key, time,
              correlation_id, causation_id, actor, data);
    RETURN bases;
END $$;

-- Makes change_read_models(changes) of what the slices of a service brought: each change names in "change" the
-- function project_<change>(jsonb) that it is given to, in the order of the changes. To be called once more by
-- each migration that brings such a function. The calls are made beforehand, because EXECUTE plans each anew,
-- which took a third of the time that a contribution's read model takes.
CREATE FUNCTION make_change_read_models() RETURNS void LANGUAGE plpgsql AS $$
DECLARE calls text;
BEGIN
    SELECT string_agg(
        format(' WHEN %L THEN PERFORM %I(c);', substr(p.proname, length('project_') + 1), p.proname),
        '' ORDER BY p.proname
    ) INTO STRICT calls
    FROM pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace AND p.proname ^@ 'project_';
    EXECUTE 'CREATE OR REPLACE FUNCTION change_read_models(changes jsonb) RETURNS void LANGUAGE plpgsql AS '
        || quote_literal(
            'DECLARE c jsonb; BEGIN FOR c IN SELECT value FROM jsonb_array_elements(changes) LOOP'
            || ' CASE c ->> ''change''' || calls || ' END CASE; END LOOP; END'
        );
END $$;

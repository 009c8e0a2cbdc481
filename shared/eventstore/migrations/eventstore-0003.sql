-- Both halves of an append, as before. Most commands add one event to one stream: for those, statements
-- without sets, which take a fraction of the time to set up. What is locked, and in which order, stays.
CREATE OR REPLACE FUNCTION move_streams(
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
    IF cardinality(scopes) = 1 THEN
        INSERT INTO idempotency VALUES (
            scopes[1], keys[1], request_hashes[1], statuses[1], bodies[1], headers[1],
            answered_streams[1], after_versions[1], last_versions[1], at
        );
    ELSIF cardinality(scopes) > 1 THEN
        INSERT INTO idempotency
            SELECT a.* , at
            FROM unnest(scopes, keys, request_hashes, statuses, bodies, headers, answered_streams,
                        after_versions, last_versions)
                AS a (scope, key, request_hash, status, body, headers, stream_id, after_version,
                      last_version)
            ORDER BY a.scope, a.key;
    END IF;
    IF cardinality(stream_ids) = 1 THEN
        IF read_versions[1] = 0 THEN
            INSERT INTO stream (stream_id, version, topic, partition, key)
            VALUES (stream_ids[1], new_versions[1], topics[1], partitions[1], stream_keys[1])
            ON CONFLICT (stream_id) DO NOTHING;
        ELSE
            -- who waited for the row looks at its version again, and finds it moved
            UPDATE stream AS s SET version = new_versions[1]
            WHERE s.stream_id = stream_ids[1] AND s.version = read_versions[1];
        END IF;
        GET DIAGNOSTICS moved = ROW_COUNT;
        RETURN moved;
    END IF;
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

CREATE OR REPLACE FUNCTION append_events(
    stream_ids text[], versions bigint[], topics text[], partitions integer[], event_ids uuid[],
    sources text[], types text[], subjects text[], keys text[], times timestamptz[],
    at timestamptz, correlation_ids text[], causation_ids text[], actors text[], datas bytea[]
) RETURNS TABLE (given bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE positions bigint[];
BEGIN
    IF cardinality(stream_ids) = 1 THEN
        IF topics[1] IS NOT NULL THEN
            INSERT INTO head AS h (topic, partition, position) VALUES (topics[1], partitions[1], 1)
            ON CONFLICT (topic, partition) DO UPDATE SET position = h.position + 1
            RETURNING h.position INTO given;
        END IF;
        INSERT INTO event (stream_id, version, topic, partition, position, event_id, source, type,
                           subject, key, time, recorded_at, correlation_id, causation_id, actor,
                           data)
        VALUES (stream_ids[1], versions[1], topics[1], partitions[1], given, event_ids[1],
                sources[1], types[1], subjects[1], keys[1], times[1], at, correlation_ids[1],
                causation_ids[1], actors[1], datas[1]);
        RETURN NEXT;
        RETURN;
    END IF;
    WITH incoming AS MATERIALIZED (
        SELECT e.*, row_number() OVER (PARTITION BY e.topic, e.partition ORDER BY e.place) AS nth
        FROM unnest(topics, partitions) WITH ORDINALITY AS e (topic, partition, place)
    ), counted AS (
        SELECT topic, partition, count(*) AS events FROM incoming
        WHERE topic IS NOT NULL GROUP BY topic, partition
    ), moved AS (
        INSERT INTO head AS h (topic, partition, position)
        SELECT topic, partition, events FROM counted ORDER BY topic, partition
        ON CONFLICT (topic, partition) DO UPDATE SET position = h.position + excluded.position
        RETURNING h.topic, h.partition, h.position
    )
    SELECT array_agg(moved.position - counted.events + i.nth ORDER BY i.place) INTO positions
    FROM incoming AS i
    LEFT JOIN counted USING (topic, partition)
    LEFT JOIN moved USING (topic, partition);
    INSERT INTO event (stream_id, version, topic, partition, position, event_id, source, type,
                       subject, key, time, recorded_at, correlation_id, causation_id, actor, data)
    SELECT e.stream_id, e.version, e.topic, e.partition, e.position, e.event_id, e.source, e.type,
           e.subject, e.key, e.time, at, e.correlation_id, e.causation_id, e.actor, e.data
    FROM unnest(stream_ids, versions, topics, partitions, positions, event_ids, sources, types,
                subjects, keys, times, correlation_ids, causation_ids, actors, datas)
        AS e (stream_id, version, topic, partition, position, event_id, source, type,
              subject, key, time, correlation_id, causation_id, actor, data);
    RETURN QUERY SELECT unnest(positions);
END $$;

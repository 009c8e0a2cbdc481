-- A whole append in one statement: answers, streams, read models, then heads and events, with locks in
-- that order. Sent alone it is its own transaction, so that nobody waits for a client while it holds
-- locks. What is in the caller's way is raised as a serialization failure, and all of it is undone.
-- Read models are changed by the service's own function change_read_models(jsonb), where there are any.
-- Both earlier halves stay, for processes of an earlier build.
CREATE FUNCTION append(
    scopes text[], used_keys text[], request_hashes bytea[], statuses integer[], bodies bytea[],
    headers bytea[], answered_streams text[], after_versions bigint[], last_versions bigint[],
    at timestamptz,
    moved_streams text[], read_versions bigint[], new_versions bigint[], stream_topics text[],
    stream_partitions integer[], stream_keys text[],
    read_models jsonb,
    stream_ids text[], versions bigint[], topics text[], partitions integer[], event_ids uuid[],
    sources text[], types text[], subjects text[], keys text[], times timestamptz[],
    correlation_ids text[], causation_ids text[], actors text[], datas bytea[]
) RETURNS bigint[] LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    alone CONSTANT boolean := cardinality(stream_ids) = 1;
    there bigint := 0;
    given bigint;
BEGIN
    PERFORM set_config('lock_timeout', '1s', true);
    IF cardinality(scopes) = 1 THEN
        INSERT INTO idempotency VALUES (
            scopes[1], used_keys[1], request_hashes[1], statuses[1], bodies[1], headers[1],
            answered_streams[1], after_versions[1], last_versions[1], at
        ) ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS there = ROW_COUNT;
    ELSIF cardinality(scopes) > 1 THEN
        INSERT INTO idempotency
            SELECT a.*, at
            FROM unnest(scopes, used_keys, request_hashes, statuses, bodies, headers,
                        answered_streams, after_versions, last_versions)
                AS a (scope, key, request_hash, status, body, headers, stream_id, after_version,
                      last_version)
            ORDER BY a.scope, a.key
            ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS there = ROW_COUNT;
    END IF;
    IF there < cardinality(scopes) THEN
        RAISE serialization_failure USING MESSAGE = 'an idempotency key was used meanwhile';
    END IF;
    IF cardinality(stream_ids) = 0 THEN
        RETURN '{}';
    END IF;

    IF NOT alone THEN
        there := move_streams('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', at,
                              moved_streams, read_versions, new_versions, stream_topics,
                              stream_partitions, stream_keys);
    ELSIF read_versions[1] = 0 THEN
        INSERT INTO stream (stream_id, version, topic, partition, key)
        VALUES (moved_streams[1], new_versions[1], stream_topics[1], stream_partitions[1],
                stream_keys[1])
        ON CONFLICT (stream_id) DO NOTHING;
        GET DIAGNOSTICS there = ROW_COUNT;
    ELSE
        -- who waited for the row looks at its version again, and finds it moved
        UPDATE stream AS s SET version = new_versions[1]
        WHERE s.stream_id = moved_streams[1] AND s.version = read_versions[1];
        GET DIAGNOSTICS there = ROW_COUNT;
    END IF;
    IF there < cardinality(moved_streams) THEN
        RAISE serialization_failure USING MESSAGE = 'a stream was moved by others';
    END IF;

    IF read_models IS NOT NULL THEN
        PERFORM change_read_models(read_models);
    END IF;

    IF NOT alone THEN
        RETURN ARRAY(
            SELECT a.given
            FROM append_events(stream_ids, versions, topics, partitions, event_ids, sources, types,
                               subjects, keys, times, at, correlation_ids, causation_ids, actors,
                               datas) WITH ORDINALITY AS a (given, place)
            ORDER BY a.place
        );
    END IF;
    IF topics[1] IS NOT NULL THEN
        INSERT INTO head AS h (topic, partition, position) VALUES (topics[1], partitions[1], 1)
        ON CONFLICT (topic, partition) DO UPDATE SET position = h.position + 1
        RETURNING h.position INTO given;
    END IF;
    INSERT INTO event (stream_id, version, topic, partition, position, event_id, source, type,
                       subject, key, time, recorded_at, correlation_id, causation_id, actor, data)
    VALUES (stream_ids[1], versions[1], topics[1], partitions[1], given, event_ids[1], sources[1],
            types[1], subjects[1], keys[1], times[1], at, correlation_ids[1], causation_ids[1],
            actors[1], datas[1]);
    RETURN ARRAY[given];
END $$;

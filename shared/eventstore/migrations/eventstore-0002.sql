-- Second half of an append, as before: number the published events and store all. The numbers are given
-- to topics and partitions alone, so that the events themselves are neither sorted nor copied.
CREATE OR REPLACE FUNCTION append_events(
    stream_ids text[], versions bigint[], topics text[], partitions integer[], event_ids uuid[],
    sources text[], types text[], subjects text[], keys text[], times timestamptz[],
    at timestamptz, correlation_ids text[], causation_ids text[], actors text[], datas bytea[]
) RETURNS TABLE (given bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE positions bigint[];
BEGIN
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

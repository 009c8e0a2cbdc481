-- Dead letters are kept for thirty days, as on Kafka: they hold what could not be taken, whole.
ALTER TABLE log_record ADD COLUMN appended_at timestamptz NOT NULL DEFAULT now();

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

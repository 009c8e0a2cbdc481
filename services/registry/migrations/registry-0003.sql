-- What an agency calls somebody is stored with the participant, in the statement that appends the event:
-- a registration that is refused leaves nothing behind. Of two requests at once the later one breaks the
-- key of this table, and looks again who it is.
DELETE FROM participant_external_id AS e
WHERE NOT EXISTS (SELECT FROM participant AS p WHERE p.participant_id = e.participant_id);
ALTER TABLE participant_external_id ADD FOREIGN KEY (participant_id) REFERENCES participant;

CREATE OR REPLACE FUNCTION change_read_models(changes jsonb) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE c jsonb;
BEGIN
    FOR c IN SELECT value FROM jsonb_array_elements(changes) LOOP
        CASE c ->> 'change'
        WHEN 'add_agency' THEN
            INSERT INTO agency SELECT * FROM jsonb_populate_record(NULL::agency, c);
        WHEN 'add_service' THEN
            INSERT INTO service SELECT * FROM jsonb_populate_record(NULL::service, c);
        WHEN 'describe_service' THEN
            UPDATE service AS s SET name = n.name, provides = n.provides, starts_on = n.starts_on,
                version = n.version
            FROM jsonb_populate_record(NULL::service, c) AS n WHERE s.service_id = n.service_id;
        WHEN 'close_service' THEN
            UPDATE service AS s SET closed_on = n.closed_on, version = n.version
            FROM jsonb_populate_record(NULL::service, c) AS n WHERE s.service_id = n.service_id;
        WHEN 'link_provider' THEN
            UPDATE service SET version = (c ->> 'version')::bigint
            WHERE service_id = c ->> 'service_id';
            INSERT INTO service_provider
            SELECT * FROM jsonb_populate_record(NULL::service_provider, c);
        WHEN 'unlink_provider' THEN
            UPDATE service SET version = (c ->> 'version')::bigint
            WHERE service_id = c ->> 'service_id';
            DELETE FROM service_provider
            WHERE service_id = c ->> 'service_id' AND organisation_id = c ->> 'organisation_id';
        WHEN 'add_participant' THEN
            IF num_nonnulls(c ->> 'name', c ->> 'contact') > 0 THEN
                INSERT INTO participant_details
                SELECT * FROM jsonb_populate_record(NULL::participant_details, c);
            END IF;
            INSERT INTO participant SELECT * FROM jsonb_populate_record(NULL::participant, c);
        WHEN 'declare_affiliation' THEN
            UPDATE participant SET version = (c ->> 'version')::bigint
            WHERE participant_id = c ->> 'participant_id';
            INSERT INTO affiliation SELECT * FROM jsonb_populate_record(NULL::affiliation, c);
        WHEN 'end_affiliation' THEN
            UPDATE participant SET version = (c ->> 'version')::bigint
            WHERE participant_id = c ->> 'participant_id';
            UPDATE affiliation SET until = (c ->> 'until')::date
            WHERE participant_id = c ->> 'participant_id'
                AND organisation_id = c ->> 'organisation_id' AND until IS NULL;
        WHEN 'assume_role' THEN
            INSERT INTO role_period SELECT * FROM jsonb_populate_record(NULL::role_period, c);
        WHEN 'move_role_start' THEN
            UPDATE role_period
            SET since = (c ->> 'since')::date, version = (c ->> 'version')::bigint
            WHERE service_id = c ->> 'service_id' AND participant_id = c ->> 'participant_id'
                AND since = (c ->> 'since_before')::date;
        WHEN 'end_role' THEN
            UPDATE role_period
            SET until = (c ->> 'until')::date, version = (c ->> 'version')::bigint
            WHERE service_id = c ->> 'service_id' AND participant_id = c ->> 'participant_id'
                AND until IS NULL;
        END CASE;
    END LOOP;
    -- sorted, so that two requests that register the same people can't wait for each other
    INSERT INTO participant_external_id
    SELECT n.* FROM jsonb_array_elements(changes) AS c,
        jsonb_populate_record(NULL::participant_external_id, c) AS n
    WHERE c ->> 'change' = 'add_participant' AND n.local_id IS NOT NULL
    ORDER BY n.agency_id, n.system, n.local_id;
END $$;

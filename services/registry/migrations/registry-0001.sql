-- What registry knows, as it stands now. Everything but the two tables on people's identity can be
-- made again from the events; those two are in no event, and exist here alone.

CREATE TABLE agency (
    agency_id text PRIMARY KEY,
    name text NOT NULL,
    jurisdiction text,
    version bigint NOT NULL
);

CREATE TABLE service (
    service_id text PRIMARY KEY,
    agency_id text NOT NULL REFERENCES agency,
    local_id text,
    name text NOT NULL,
    provides text,
    starts_on date NOT NULL,
    closed_on date,
    imported boolean NOT NULL,  -- the start is the earliest day of a file: a later file may move it
    version bigint NOT NULL,
    UNIQUE (agency_id, local_id)
);

CREATE TABLE service_provider (
    service_id text NOT NULL REFERENCES service,
    organisation_id text NOT NULL,
    PRIMARY KEY (service_id, organisation_id)
);

CREATE TABLE participant (
    participant_id text PRIMARY KEY,
    agency_id text NOT NULL REFERENCES agency,
    kind text NOT NULL,
    channel text,
    version bigint NOT NULL
);

-- Personal, direct: never in an event, an answer to a command, or a log line.
CREATE TABLE participant_details (
    participant_id text PRIMARY KEY,
    name text,
    contact text
);

-- Personal, direct: what an agency calls somebody. It is stored with the participant, in the statement
-- that appends the event: a registration that is refused leaves nothing behind. Of two requests at once the
-- later one breaks this key, and looks again who it is.
CREATE TABLE participant_external_id (
    agency_id text NOT NULL,
    system text NOT NULL,
    local_id text NOT NULL,
    participant_id text NOT NULL REFERENCES participant,
    PRIMARY KEY (agency_id, system, local_id)
);
CREATE INDEX ON participant_external_id (participant_id);

CREATE TABLE affiliation (
    participant_id text NOT NULL REFERENCES participant,
    organisation_id text NOT NULL,
    employed boolean NOT NULL,
    since date NOT NULL,
    until date,
    PRIMARY KEY (participant_id, organisation_id, since)
);

-- version is that of the role's stream at this row's last change: the newest row's is the stream's.
CREATE TABLE role_period (
    service_id text NOT NULL REFERENCES service,
    participant_id text NOT NULL REFERENCES participant,
    party text NOT NULL,
    since date NOT NULL,
    until date,
    version bigint NOT NULL,
    PRIMARY KEY (service_id, participant_id, since)
);

-- Changes registry's read models in the statement that appends the events they come from: one object
-- an event, in their order.
CREATE FUNCTION change_read_models(changes jsonb) RETURNS void LANGUAGE plpgsql AS $$
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

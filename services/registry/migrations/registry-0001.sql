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

-- What changes with the events, in the statement that appends them: one change an event, in their order.
CREATE FUNCTION project_add_agency(c jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO agency SELECT * FROM jsonb_populate_record(NULL::agency, c);
END $$;

CREATE FUNCTION project_add_service(c jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO service SELECT * FROM jsonb_populate_record(NULL::service, c);
END $$;

CREATE FUNCTION project_describe_service(c jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE service AS s SET name = n.name, provides = n.provides, starts_on = n.starts_on,
        version = n.version
    FROM jsonb_populate_record(NULL::service, c) AS n WHERE s.service_id = n.service_id;
END $$;

CREATE FUNCTION project_close_service(c jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE service AS s SET closed_on = n.closed_on, version = n.version
    FROM jsonb_populate_record(NULL::service, c) AS n WHERE s.service_id = n.service_id;
END $$;

CREATE FUNCTION project_link_provider(c jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE service SET version = (c ->> 'version')::bigint
    WHERE service_id = c ->> 'service_id';
    INSERT INTO service_provider
    SELECT * FROM jsonb_populate_record(NULL::service_provider, c);
END $$;

CREATE FUNCTION project_unlink_provider(c jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE service SET version = (c ->> 'version')::bigint
    WHERE service_id = c ->> 'service_id';
    DELETE FROM service_provider
    WHERE service_id = c ->> 'service_id' AND organisation_id = c ->> 'organisation_id';
END $$;

CREATE FUNCTION project_add_participant(c jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF num_nonnulls(c ->> 'name', c ->> 'contact') > 0 THEN
        INSERT INTO participant_details
        SELECT * FROM jsonb_populate_record(NULL::participant_details, c);
    END IF;
    INSERT INTO participant SELECT * FROM jsonb_populate_record(NULL::participant, c);
END $$;

CREATE FUNCTION project_declare_affiliation(c jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE participant SET version = (c ->> 'version')::bigint
    WHERE participant_id = c ->> 'participant_id';
    INSERT INTO affiliation SELECT * FROM jsonb_populate_record(NULL::affiliation, c);
END $$;

CREATE FUNCTION project_end_affiliation(c jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE participant SET version = (c ->> 'version')::bigint
    WHERE participant_id = c ->> 'participant_id';
    UPDATE affiliation SET until = (c ->> 'until')::date
    WHERE participant_id = c ->> 'participant_id'
        AND organisation_id = c ->> 'organisation_id' AND until IS NULL;
END $$;

CREATE FUNCTION project_assume_role(c jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO role_period SELECT * FROM jsonb_populate_record(NULL::role_period, c);
END $$;

CREATE FUNCTION project_move_role_start(c jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE role_period
    SET since = (c ->> 'since')::date, version = (c ->> 'version')::bigint
    WHERE service_id = c ->> 'service_id' AND participant_id = c ->> 'participant_id'
        AND since = (c ->> 'since_before')::date;
END $$;

CREATE FUNCTION project_end_role(c jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE role_period
    SET until = (c ->> 'until')::date, version = (c ->> 'version')::bigint
    WHERE service_id = c ->> 'service_id' AND participant_id = c ->> 'participant_id'
        AND until IS NULL;
END $$;

-- Sorted, and after all participants: so two requests that register the same people can't wait for each
-- other.
CREATE FUNCTION project_name_participants(c jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO participant_external_id
    SELECT n.* FROM jsonb_populate_recordset(NULL::participant_external_id, c -> 'rows') AS n
    ORDER BY n.agency_id, n.system, n.local_id;
END $$;

DO $$ BEGIN PERFORM make_change_read_models(); END $$;

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

-- Personal, direct. A row may come before its participant: it reserves the id for whoever registers
-- that local id first, so that two requests at once mean one participant.
CREATE TABLE participant_external_id (
    agency_id text NOT NULL,
    system text NOT NULL,
    local_id text NOT NULL,
    participant_id text NOT NULL,
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

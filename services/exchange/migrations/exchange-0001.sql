-- What exchange keeps beside its events: its copy of registry's directory, the read models that it
-- serves, and what may never be in an event.

-- The copy of registry, folded from its topics; it can be made again by reading them from the start.
CREATE TABLE directory_agency (
    agency_id text PRIMARY KEY
);

CREATE TABLE directory_service (
    service_id text PRIMARY KEY,
    starts_on date NOT NULL,
    closed_on date
);

CREATE TABLE directory_provider (
    service_id text NOT NULL,
    organisation_id text NOT NULL,
    PRIMARY KEY (service_id, organisation_id)
);

CREATE TABLE directory_participant (
    participant_id text PRIMARY KEY,
    kind text NOT NULL
);

CREATE TABLE directory_affiliation (
    participant_id text NOT NULL,
    organisation_id text NOT NULL,
    employed boolean NOT NULL,
    since date NOT NULL,
    until date,
    PRIMARY KEY (participant_id, organisation_id, since)
);

CREATE TABLE directory_role (
    service_id text NOT NULL,
    participant_id text NOT NULL,
    party text NOT NULL,
    since date NOT NULL,
    until date,
    PRIMARY KEY (service_id, participant_id, since)
);

-- Contributions as they stand. confirm_due_at is set while one awaits confirmation, and only then.
CREATE TABLE contribution (
    contribution_id text PRIMARY KEY,
    service_id text NOT NULL,
    status text NOT NULL,
    giver_id text NOT NULL,
    giver_party text NOT NULL,
    occurred_at timestamptz NOT NULL,
    phase text,
    mode text,
    kind text,
    minutes integer,
    recorded_at timestamptz NOT NULL,
    confirm_due_at timestamptz,
    revised_at timestamptz,
    version bigint NOT NULL,
    -- What its source last said of it, so that a row that is imported again and says the same is known
    -- without reading events. Empty where people recorded it.
    stated_status text,
    stated_digest bytea,
    -- Private: which row of which agency's system it stands for, so that the agency can ask what it holds
    -- of a file. Never in an event, and told to the system alone that sent the row.
    source text,
    id_scope text,
    local_id text
);
CREATE INDEX contribution_of_service ON contribution (service_id, recorded_at, contribution_id);
CREATE INDEX contribution_awaiting ON contribution (confirm_due_at)
    WHERE confirm_due_at IS NOT NULL;

-- Where a row of an agency's system went when it was moved to another service: the id that its first
-- contribution had, and the contribution that stands for it now.
CREATE TABLE moved_contribution (
    origin_id text PRIMARY KEY,
    contribution_id text NOT NULL,
    moves integer NOT NULL
);

-- Personal: what people wrote. Never in an event.
CREATE TABLE feedback_words (
    feedback_id text PRIMARY KEY,
    words text NOT NULL
);

-- Makes opaque ids of the agencies' own: known to this database alone, made once and never changed.
CREATE TABLE identity_secret (
    secret bytea NOT NULL CHECK (length(secret) = 32),
    only_one boolean NOT NULL DEFAULT true UNIQUE CHECK (only_one)
);
INSERT INTO identity_secret (secret) SELECT decode(
    replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'
);

-- What changes with the events, in the statement that appends them.
CREATE FUNCTION project_add_contributions(change jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contribution
    SELECT * FROM jsonb_populate_recordset(NULL::contribution, change -> 'rows');
END $$;

CREATE FUNCTION project_move_contributions(change jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- Leaving the state recorded is for ever: whatever status an event tells, nothing is due after it.
    UPDATE contribution AS c SET
        version = n.version,
        status = coalesce(n.status, c.status),
        revised_at = coalesce(n.revised_at, c.revised_at),
        stated_status = coalesce(n.stated_status, c.stated_status),
        stated_digest = coalesce(n.stated_digest, c.stated_digest),
        confirm_due_at = CASE WHEN n.status IS NULL THEN c.confirm_due_at END
    FROM jsonb_populate_recordset(NULL::contribution, change -> 'rows') AS n
    WHERE c.contribution_id = n.contribution_id;
END $$;

CREATE FUNCTION project_rewrite_contributions(change jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE contribution AS c SET
        giver_id = n.giver_id, giver_party = n.giver_party, occurred_at = n.occurred_at,
        phase = n.phase, mode = n.mode, kind = n.kind, minutes = n.minutes
    FROM jsonb_populate_recordset(NULL::contribution, change -> 'rows') AS n
    WHERE c.contribution_id = n.contribution_id;
END $$;

CREATE FUNCTION project_replace_contributions(change jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO moved_contribution
    SELECT * FROM jsonb_populate_recordset(NULL::moved_contribution, change -> 'rows')
    ON CONFLICT (origin_id) DO UPDATE
    SET contribution_id = EXCLUDED.contribution_id, moves = EXCLUDED.moves;
END $$;

CREATE FUNCTION project_keep_words(change jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feedback_words
    SELECT * FROM jsonb_populate_recordset(NULL::feedback_words, change -> 'rows');
END $$;

DO $$ BEGIN PERFORM make_change_read_models(); END $$;

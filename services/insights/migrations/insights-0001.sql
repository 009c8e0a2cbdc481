-- Facts and what is known of the services, one generation beside the other, and what was announced.

-- A projection is one generation of the fold. It reads the whole log under a consumer name of its own,
-- so that a new one can be built beside the one that serves.
CREATE TABLE projection (
    version integer PRIMARY KEY,
    state text NOT NULL, -- switched (serves, or did), folding, comparing, switching, different, failed
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    report jsonb -- {from, to, equal, services, figures, differences, differences_count}
);

-- The one row that says which projection serves.
CREATE TABLE projection_active (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    version integer NOT NULL REFERENCES projection
);

INSERT INTO projection (version, state, finished_at) VALUES (1, 'switched', now());
INSERT INTO projection_active (version) VALUES (1);

-- Names as small integers. A person stands here once: erasing one is this row alone.
CREATE TABLE code (
    code integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    value text NOT NULL,
    UNIQUE (kind, value)
);

-- The facts of one batch of one partition, packed as columns. Services as an array and not as rows:
-- one row a batch is what makes the write cheap, and the index still finds a service's chunks.
CREATE TABLE fact_chunk (
    projection integer NOT NULL REFERENCES projection ON DELETE CASCADE,
    topic text NOT NULL,
    partition integer NOT NULL,
    first_position bigint NOT NULL,
    last_position bigint NOT NULL,
    services integer[] NOT NULL,
    counts bytea NOT NULL, -- one byte an event from first to last position: how many facts it made
    packed bytea NOT NULL,
    PRIMARY KEY (projection, topic, partition, last_position),
    CHECK (length(counts) = last_position - first_position + 1)
);
-- Without the pending list of fastupdate every look-up is exact and its cost does not wander.
CREATE INDEX fact_chunk_services ON fact_chunk USING gin (services) WITH (fastupdate = off);

CREATE TABLE agency_info (
    projection integer NOT NULL REFERENCES projection ON DELETE CASCADE,
    agency_id text NOT NULL,
    name text NOT NULL,
    jurisdiction text,
    PRIMARY KEY (projection, agency_id)
);

CREATE TABLE service_info (
    projection integer NOT NULL REFERENCES projection ON DELETE CASCADE,
    service_id text NOT NULL,
    partition integer NOT NULL,
    agency_ids text[] NOT NULL,
    local_id text,
    name text NOT NULL,
    provides text,
    starts_on date NOT NULL,
    closed_on date,
    providers text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (projection, service_id)
);
CREATE INDEX service_info_local_id ON service_info (projection, local_id);

-- The last day for which it was decided what to announce of a service.
CREATE TABLE evaluation (
    service_id text PRIMARY KEY,
    day date NOT NULL
);

-- What was announced, and the day from which it is.
CREATE TABLE announcement (
    service_id text NOT NULL,
    time_window text NOT NULL,
    day date NOT NULL,
    announced jsonb NOT NULL,
    PRIMARY KEY (service_id, time_window, day)
);

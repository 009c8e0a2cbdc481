-- One row: whose events these are. A consumer refuses the records of another deployment.
CREATE TABLE deployment (
    id text PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    only_one boolean NOT NULL DEFAULT true UNIQUE CHECK (only_one)
);

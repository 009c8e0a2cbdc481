-- What a contribution's source last said of it, so that a row that is imported again and says the same
-- is known without reading events. Empty where it was recorded by people, or before these columns.
ALTER TABLE contribution ADD COLUMN stated_status text, ADD COLUMN stated_digest bytea;

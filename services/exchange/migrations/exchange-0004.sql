-- Private: which row of which agency's system a contribution stands for, so that the agency can ask
-- what it holds of a file. Never in an event, and told to the system alone that sent the row.
ALTER TABLE contribution ADD COLUMN source text, ADD COLUMN id_scope text, ADD COLUMN local_id text;

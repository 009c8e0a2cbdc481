-- Remembers what is announced, in the statement that appends the events which say so.
CREATE FUNCTION change_read_models(changes jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO announcement
    SELECT * FROM jsonb_populate_recordset(NULL::announcement, changes)
$$;

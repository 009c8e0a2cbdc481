-- Changes exchange's read models in the statement that appends the events they come from. Every key of
-- the object is optional; a process of an earlier build may still send what it knew.
CREATE FUNCTION change_read_models(changes jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF changes ? 'added' THEN
        INSERT INTO contribution
        SELECT * FROM jsonb_populate_recordset(NULL::contribution, changes -> 'added');
    END IF;
    IF changes ? 'moved' THEN
        -- Leaving the state recorded is for ever: whatever status an event tells, nothing is due
        -- after it.
        UPDATE contribution AS c SET
            version = n.version,
            status = coalesce(n.status, c.status),
            revised_at = coalesce(n.revised_at, c.revised_at),
            stated_status = coalesce(n.stated_status, c.stated_status),
            stated_digest = coalesce(n.stated_digest, c.stated_digest),
            confirm_due_at = CASE WHEN n.status IS NULL THEN c.confirm_due_at END
        FROM jsonb_populate_recordset(NULL::contribution, changes -> 'moved') AS n
        WHERE c.contribution_id = n.contribution_id;
    END IF;
    IF changes ? 'rewritten' THEN
        UPDATE contribution AS c SET
            giver_id = n.giver_id, giver_party = n.giver_party, occurred_at = n.occurred_at,
            phase = n.phase, mode = n.mode, kind = n.kind, minutes = n.minutes
        FROM jsonb_populate_recordset(NULL::contribution, changes -> 'rewritten') AS n
        WHERE c.contribution_id = n.contribution_id;
    END IF;
    IF changes ? 'replaced' THEN
        INSERT INTO moved_contribution
        SELECT * FROM jsonb_populate_recordset(NULL::moved_contribution, changes -> 'replaced')
        ON CONFLICT (origin_id) DO UPDATE
        SET contribution_id = EXCLUDED.contribution_id, moves = EXCLUDED.moves;
    END IF;
    IF changes ? 'words' THEN
        INSERT INTO feedback_words
        SELECT * FROM jsonb_populate_recordset(NULL::feedback_words, changes -> 'words');
    END IF;
END $$;

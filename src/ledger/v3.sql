-- A run that brought an earlier output back made none: the number of the run that did.
ALTER TABLE runs ADD COLUMN restores INTEGER;

-- What tells a file of a result wherever it is copied.
ALTER TABLE run_outputs ADD COLUMN blake3 TEXT;

-- Outputs that were replaced and can be brought back, by the runs that made them. They are in the folder of the ledger.
CREATE TABLE kept (
    run INTEGER PRIMARY KEY REFERENCES runs (run) ON DELETE CASCADE,
    query TEXT NOT NULL,
    -- Where it stood; relative, if that is in the project.
    path TEXT NOT NULL,
    -- The run that is about to replace it; NULL once it has.
    replaced_by INTEGER
) STRICT;
CREATE INDEX kept_by_query ON kept (query, run);

-- Texts of saved queries, as runs found them.
CREATE TABLE texts (
    sql_hash TEXT PRIMARY KEY,
    text TEXT NOT NULL
) STRICT, WITHOUT ROWID;

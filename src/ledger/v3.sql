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
    replaced_by INTEGER,
    -- That run, then, too.
    since INTEGER NOT NULL
) STRICT;
CREATE INDEX kept_by_query ON kept (query, run);

-- Texts of saved queries, as runs found them.
CREATE TABLE texts (
    sql_hash TEXT PRIMARY KEY,
    text TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Lines that queries with a memory have read and that are no rows, for as long as the run that read them is remembered.
CREATE TABLE rejects (
    reject INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    source TEXT NOT NULL,
    file TEXT NOT NULL,
    line INTEGER NOT NULL,
    "offset" INTEGER NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    raw TEXT NOT NULL,
    -- The run that has read it corrected, or is about to.
    replayed_by INTEGER
) STRICT;
CREATE INDEX rejects_by_run ON rejects (run);
-- How many more there were, over the bounds.
ALTER TABLE runs ADD COLUMN rejects_not_kept INTEGER;

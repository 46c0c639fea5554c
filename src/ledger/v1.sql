-- Runs of saved queries. `status` is
--   started      under way, or its process died before anything could have been published;
--   prepared     its result is whole on the disk, and is being put in its place;
--   committed    its result stood in its place;
--   failed       it published nothing;
--   interrupted  its process was stopped before it published.
CREATE TABLE runs (
    run INTEGER PRIMARY KEY AUTOINCREMENT,
    query TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('started', 'prepared', 'committed', 'failed', 'interrupted')),
    started_ms INTEGER NOT NULL,
    finished_ms INTEGER,
    sql_hash TEXT NOT NULL,
    params TEXT NOT NULL,
    version TEXT NOT NULL,
    path TEXT NOT NULL,
    format TEXT NOT NULL,
    rows INTEGER,
    bytes INTEGER,
    error TEXT,
    -- What tells the staged file or folder, wherever it is moved.
    device INTEGER,
    inode INTEGER
) STRICT;
CREATE INDEX runs_by_query ON runs (query, run);

-- What each source gave: lines = rows + rejects + blank.
CREATE TABLE run_sources (
    run INTEGER NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    source TEXT NOT NULL,
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    rejects INTEGER NOT NULL,
    blank INTEGER NOT NULL,
    PRIMARY KEY (run, source)
) STRICT, WITHOUT ROWID;

-- Event files that were read, as they were then.
CREATE TABLE run_inputs (
    run INTEGER NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    source TEXT NOT NULL,
    file TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    PRIMARY KEY (run, source, file)
) STRICT, WITHOUT ROWID;

-- Files that were published.
CREATE TABLE run_outputs (
    run INTEGER NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    file TEXT NOT NULL,
    rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (run, file)
) STRICT, WITHOUT ROWID;

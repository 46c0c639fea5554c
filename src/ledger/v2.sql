-- Queries that read only what is new: what their last run was made by. A run is compared with `definition`, a JSON object
-- of texts by what they are about.
CREATE TABLE increments (
    query TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    -- Columns of its output, and those that it reads, with their types: a JSON object.
    columns TEXT NOT NULL,
    -- The file that holds what later runs add to, in the folder of the ledger.
    state TEXT
) STRICT, WITHOUT ROWID;

-- What they have read of each file: so many bytes (decompressed) and lines, told by hashes of the first and last of them; and
-- what the file was then.
CREATE TABLE taken (
    query TEXT NOT NULL,
    source TEXT NOT NULL,
    file TEXT NOT NULL,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    head TEXT NOT NULL,
    tail TEXT NOT NULL,
    PRIMARY KEY (query, source, file)
) STRICT, WITHOUT ROWID;

-- Keys and kinds of values of all lines that they have read, as JSON.
CREATE TABLE learned (
    query TEXT NOT NULL,
    source TEXT NOT NULL,
    columns TEXT NOT NULL,
    PRIMARY KEY (query, source)
) STRICT, WITHOUT ROWID;

-- The folders that their output is made of.
CREATE TABLE pieces (
    query TEXT NOT NULL,
    folder TEXT NOT NULL,
    PRIMARY KEY (query, folder)
) STRICT, WITHOUT ROWID;

-- What a run changes of all that once its result stands in its place, as JSON.
CREATE TABLE pending (
    run INTEGER PRIMARY KEY REFERENCES runs (run) ON DELETE CASCADE,
    change TEXT NOT NULL
) STRICT;

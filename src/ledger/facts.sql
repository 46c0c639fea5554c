-- What files taught that were read whole. It can be lost at any time: then it is learned again.
CREATE TABLE facts (
    source TEXT NOT NULL,
    -- Hash of the declaration by which the file was read, and of how facts are written.
    definition TEXT NOT NULL,
    file TEXT NOT NULL,
    -- What tells this state of the file from any other.
    identity TEXT NOT NULL,
    -- JSON.
    facts BLOB NOT NULL,
    -- Hash of all of the above.
    checksum BLOB NOT NULL,
    PRIMARY KEY (source, definition, file)
) STRICT;

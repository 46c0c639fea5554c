-- What was read of files, as before, and: lines that nobody counted are NULL, copies say that they are, and files say when they were
-- made, for their numbers are given again. Files of which bytes and no lines were read were copies, or counted as read unread.
CREATE TABLE taken_now (
    query TEXT NOT NULL,
    source TEXT NOT NULL,
    file TEXT NOT NULL,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    lines INTEGER,
    head TEXT NOT NULL,
    tail TEXT NOT NULL,
    born_ns INTEGER,
    is_copy INTEGER NOT NULL,
    PRIMARY KEY (query, source, file)
) STRICT, WITHOUT ROWID;
INSERT INTO taken_now SELECT
    query, source, file, device, inode, size, modified_ns, bytes, iif(lines = 0 AND bytes > 0, NULL, lines), head, tail, NULL,
    lines = 0 AND bytes > 0
FROM taken;
DROP TABLE taken;
ALTER TABLE taken_now RENAME TO taken;

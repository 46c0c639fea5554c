-- Where the project is that `path` in `runs` was written in. One row, or none.
CREATE TABLE project (root TEXT NOT NULL);

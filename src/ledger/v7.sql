-- A line that is not UTF-8, as it stood in its file; and whether the line went on behind what is kept of it, unknown of older ones.
ALTER TABLE rejects ADD COLUMN bytes BLOB;
ALTER TABLE rejects ADD COLUMN cut INTEGER;

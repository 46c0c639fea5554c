-- Of queries that read only what is new: files of which lines were read that are in no file any more, since they were written anew,
-- by source: a JSON object of lists.
ALTER TABLE increments ADD COLUMN lost TEXT NOT NULL DEFAULT '{}';

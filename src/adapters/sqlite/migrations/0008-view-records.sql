-- The views that are ours. This record decides it, and not how a table looks. original_name is the new name of another
-- program's table whose rows were taken over. since is in milliseconds.
CREATE TABLE view_records (
  view_name     TEXT    NOT NULL PRIMARY KEY COLLATE NOCASE,
  original_name TEXT,
  adopted_rows  INTEGER NOT NULL,
  since         INTEGER NOT NULL
) WITHOUT ROWID;

-- What we know of the views that are ours: by this record, never by how a table looks. original_name is what the table of
-- another program is called since its rows were taken over; since is in milliseconds.
CREATE TABLE view_records (
  view_name     TEXT    NOT NULL PRIMARY KEY COLLATE NOCASE,
  original_name TEXT,
  adopted_rows  INTEGER NOT NULL,
  since         INTEGER NOT NULL
) WITHOUT ROWID;

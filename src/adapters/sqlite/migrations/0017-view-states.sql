-- By which fold the rows of a view were made, and with which columns; and the rebuild that is under way, if one is.
-- epoch rises with each change of phase. awaited_fold is the newer fold of a program that has journaled events without
-- their rows. beat rises while somebody works on a switch. Columns are JSON: a list of names with their types.
CREATE TABLE view_states (
  view_name       TEXT    NOT NULL PRIMARY KEY COLLATE NOCASE,
  fold_version    INTEGER NOT NULL,
  awaited_fold    INTEGER,
  view_columns    TEXT    NOT NULL,
  phase           TEXT    NOT NULL CHECK (phase IN ('steady', 'switching', 'settling')),
  epoch           INTEGER NOT NULL,
  beat            INTEGER NOT NULL,
  rebuild_id      TEXT,
  rebuild_fold    INTEGER,
  rebuild_columns TEXT,
  former_columns  TEXT,
  report          TEXT
) WITHOUT ROWID;

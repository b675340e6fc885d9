-- Which instance sweeps a target. waits_since (milliseconds) is when the last sweep of the target ended or, if there
-- was none, when the row was made. While claimed_by is set, leased_until (milliseconds) is when anybody may claim the
-- sweep. result is JSON with the result of the last sweep.
CREATE TABLE sweeps (
  target       TEXT    NOT NULL PRIMARY KEY,
  waits_since  INTEGER NOT NULL,
  claimed_by   TEXT,
  leased_until INTEGER NOT NULL DEFAULT 0,
  result       TEXT
) WITHOUT ROWID;

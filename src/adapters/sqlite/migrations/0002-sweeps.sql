-- Whose turn it is to compare a target with the ledger. waits_since (milliseconds) is when its last sweep ended, or
-- when the target was first seen. While claimed_by is set, leased_until (milliseconds) is when anybody may take the
-- sweep over. result is JSON: what the last one came to.
CREATE TABLE sweeps (
  target       TEXT    NOT NULL PRIMARY KEY,
  waits_since  INTEGER NOT NULL,
  claimed_by   TEXT,
  leased_until INTEGER NOT NULL DEFAULT 0,
  result       TEXT
) WITHOUT ROWID;

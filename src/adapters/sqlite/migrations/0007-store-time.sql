-- The wall clock, less the time since the machine started, as it was when a program first opened the store in this run
-- of the machine: retries go by that, so that setting the clock neither holds them back nor hurries them.
CREATE TABLE store_time (
  only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
  boot_id  TEXT    NOT NULL,
  began_at INTEGER NOT NULL
);

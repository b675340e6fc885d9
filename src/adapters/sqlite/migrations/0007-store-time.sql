-- The time when the machine started, by its wall clock when the first program opened the store after that start.
-- Retries go by the time since then, so setting the clock neither delays nor hurries them.
CREATE TABLE store_time (
  only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
  boot_id  TEXT    NOT NULL,
  began_at INTEGER NOT NULL
);

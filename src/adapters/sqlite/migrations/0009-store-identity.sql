-- Tells this store from every other one. The members of a group compare it, so that none of them journals partitions
-- in another store.
CREATE TABLE store_identity (
  only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
  store_id TEXT    NOT NULL
);

-- A UUID of version 4.
INSERT INTO store_identity (only_row, store_id)
SELECT 1, substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-4' || substr(h, 14, 3) || '-' ||
       substr('89ab', 1 + (abs(random()) % 4), 1) || substr(h, 18, 3) || '-' || substr(h, 21)
FROM (SELECT lower(hex(randomblob(16))) AS h);

-- Who decided that a group goes on with this store. decided_at is in milliseconds.
CREATE TABLE group_decisions (
  decision_id  INTEGER NOT NULL PRIMARY KEY,
  group_name   TEXT    NOT NULL,
  former_store TEXT,
  decided_by   TEXT    NOT NULL,
  reason       TEXT    NOT NULL,
  decided_at   INTEGER NOT NULL
);

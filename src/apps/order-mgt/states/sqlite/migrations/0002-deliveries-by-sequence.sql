-- Deliveries are numbered in the sequence of their receipt. A new row is then written at the end of the table, which
-- costs far less than a place among random ids, and the numbers say in which sequence the orders changed.
CREATE TABLE deliveries_in_sequence (
  sequence     INTEGER PRIMARY KEY,
  delivery_id  TEXT NOT NULL UNIQUE,
  order_id     TEXT NOT NULL,
  version      INTEGER NOT NULL,
  payload_hash TEXT NOT NULL,
  effect       TEXT NOT NULL CHECK (effect IN ('applied', 'ignored')),
  received_at  TEXT NOT NULL
) STRICT;
INSERT INTO deliveries_in_sequence (delivery_id, order_id, version, payload_hash, effect, received_at)
  SELECT delivery_id, order_id, version, payload_hash, effect, received_at
  FROM deliveries_received ORDER BY received_at, version;
DROP TABLE deliveries_received;
ALTER TABLE deliveries_in_sequence RENAME TO deliveries_received;

-- A receipt is written without an index of its random id; delivery_ids gets the ids later, many at once (received-ids.ts).
CREATE TABLE delivery_receipts (
  sequence     INTEGER PRIMARY KEY,
  delivery_id  TEXT NOT NULL,
  order_id     TEXT NOT NULL,
  version      INTEGER NOT NULL,
  payload_hash TEXT NOT NULL,
  effect       TEXT NOT NULL CHECK (effect IN ('applied', 'ignored')),
  received_at  TEXT NOT NULL
) STRICT;
INSERT INTO delivery_receipts (sequence, delivery_id, order_id, version, payload_hash, effect, received_at)
  SELECT sequence, delivery_id, order_id, version, payload_hash, effect, received_at
  FROM deliveries_received ORDER BY sequence;

CREATE TABLE delivery_ids (
  delivery_id TEXT PRIMARY KEY NOT NULL,
  sequence    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO delivery_ids (delivery_id, sequence)
  SELECT delivery_id, sequence FROM deliveries_received ORDER BY delivery_id;

-- All receipts up to this sequence have their ids in delivery_ids.
CREATE TABLE delivery_ids_end (
  id       INTEGER PRIMARY KEY CHECK (id = 1),
  sequence INTEGER NOT NULL
) STRICT;
INSERT INTO delivery_ids_end (id, sequence) SELECT 1, COALESCE(MAX(sequence), 0) FROM delivery_receipts;

-- The old name stays as a view, for tools that read it. It also stops a program of schema 2 that still has the file open:
-- that program would add an id a second time, now that no index forbids it, but it writes to this name and so fails.
DROP TABLE deliveries_received;
CREATE VIEW deliveries_received AS
  SELECT sequence, delivery_id, order_id, version, payload_hash, effect, received_at FROM delivery_receipts;

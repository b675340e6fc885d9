-- The last state of each order.
CREATE TABLE orders (
  order_id       TEXT PRIMARY KEY NOT NULL,
  order_status   TEXT,
  payment_status TEXT,
  review_status  TEXT,
  ready_to_send  INTEGER NOT NULL,
  version        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row for each delivery id, kept for ever: it proves that the id had one effect.
CREATE TABLE deliveries_received (
  delivery_id  TEXT PRIMARY KEY NOT NULL,
  order_id     TEXT NOT NULL,
  version      INTEGER NOT NULL,
  payload_hash TEXT NOT NULL,
  effect       TEXT NOT NULL CHECK (effect IN ('applied', 'ignored')),
  received_at  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

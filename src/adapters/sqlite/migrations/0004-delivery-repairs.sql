-- Deliveries that put right what a target holds under a version that our store, restored from an older state, gave to
-- another content. `replaces` is the digest of what the target held then. A row counts as long as the delivery's due
-- version is `version`, and is looked at only where deliveries.delivered_version is not below due_version.
CREATE TABLE delivery_repairs (
  target    TEXT    NOT NULL,
  entity_id TEXT    NOT NULL,
  version   INTEGER NOT NULL,
  replaces  TEXT    NOT NULL,
  PRIMARY KEY (target, entity_id)
) WITHOUT ROWID;

-- Who appends to a target that is a topic, so that a successor can shut out those who died or froze. noted_at is in
-- milliseconds.
CREATE TABLE delivery_senders (
  target   TEXT    NOT NULL,
  sender   TEXT    NOT NULL,
  noted_at INTEGER NOT NULL,
  PRIMARY KEY (target, sender)
) WITHOUT ROWID;

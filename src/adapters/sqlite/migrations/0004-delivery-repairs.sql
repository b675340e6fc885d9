-- Deliveries that replace what a target holds under a version. The store was restored from an older backup, and then
-- gave the same version to other content. `replaces` is the digest of what the target held. A row counts only while
-- the delivery's due version is `version`, and is read only if deliveries.delivered_version is not below due_version.
CREATE TABLE delivery_repairs (
  target    TEXT    NOT NULL,
  entity_id TEXT    NOT NULL,
  version   INTEGER NOT NULL,
  replaces  TEXT    NOT NULL,
  PRIMARY KEY (target, entity_id)
) WITHOUT ROWID;

-- The producers that append to a target that is a topic, so that a successor can shut out one that died or froze.
-- noted_at is in milliseconds.
CREATE TABLE delivery_senders (
  target   TEXT    NOT NULL,
  sender   TEXT    NOT NULL,
  noted_at INTEGER NOT NULL,
  PRIMARY KEY (target, sender)
) WITHOUT ROWID;

-- Deliveries that replace what a target holds under a version. The store was restored from an older backup, and then
-- gave the same version to other content. `replaces` is the digest of what the target held. A row counts only while
-- the delivery's due version is `version`, and is read only if deliveries.delivered_version is not below due_version.
CREATE TABLE delivery_repairs (
  target VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  entity_id VARBINARY(255) NOT NULL,
  version BIGINT NOT NULL,
  replaces CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (target, entity_id)
) ENGINE = InnoDB;

-- The producers that append to a target that is a topic, so that a successor can shut out one that died or froze.
-- noted_at is in milliseconds.
CREATE TABLE delivery_senders (
  target VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  sender VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  noted_at BIGINT NOT NULL,
  PRIMARY KEY (target, sender)
) ENGINE = InnoDB;

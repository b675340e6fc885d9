-- Deliveries that put right what a target holds under a version that our store, restored from an older state, gave to
-- another content. `replaces` is the digest of what the target held then. A row counts as long as the delivery's due
-- version is `version`, and is looked at only where deliveries.delivered_version is not below due_version.
CREATE TABLE delivery_repairs (
  target VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  entity_id VARBINARY(255) NOT NULL,
  version BIGINT NOT NULL,
  replaces CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (target, entity_id)
) ENGINE = InnoDB;

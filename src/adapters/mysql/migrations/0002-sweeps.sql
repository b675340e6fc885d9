-- Whose turn it is to compare a target with the ledger. waits_since (milliseconds) is when its last sweep ended, or
-- when the target was first seen. While claimed_by is set, leased_until (milliseconds) is when anybody may take the
-- sweep over. result is JSON: what the last one came to.
CREATE TABLE sweeps (
  target VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  waits_since BIGINT NOT NULL,
  claimed_by VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NULL,
  leased_until BIGINT NOT NULL DEFAULT 0,
  result TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  PRIMARY KEY (target)
) ENGINE = InnoDB;

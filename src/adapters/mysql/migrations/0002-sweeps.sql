-- Which instance sweeps a target. waits_since (milliseconds) is when the last sweep of the target ended or, if there
-- was none, when the row was made. While claimed_by is set, leased_until (milliseconds) is when anybody may claim the
-- sweep. result is JSON with the result of the last sweep.
CREATE TABLE sweeps (
  target VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  waits_since BIGINT NOT NULL,
  claimed_by VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NULL,
  leased_until BIGINT NOT NULL DEFAULT 0,
  result TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  PRIMARY KEY (target)
) ENGINE = InnoDB;

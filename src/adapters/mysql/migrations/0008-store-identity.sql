-- Tells this store from every other one. The members of a group compare it, so that none of them journals partitions
-- in another store.
CREATE TABLE IF NOT EXISTS store_identity (
  only_row TINYINT NOT NULL PRIMARY KEY,
  store_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
) ENGINE = InnoDB;

INSERT IGNORE INTO store_identity (only_row, store_id) VALUES (1, UUID());

-- Who decided that a group goes on with this store. decided_at is in milliseconds.
CREATE TABLE IF NOT EXISTS group_decisions (
  decision_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  group_name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  former_store CHAR(36) CHARACTER SET ascii COLLATE ascii_bin,
  decided_by VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  decided_at BIGINT NOT NULL
) ENGINE = InnoDB;

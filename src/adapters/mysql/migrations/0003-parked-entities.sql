-- Entities that the program cannot fold. Their events are in the journal. Their rows in the view stand still until an
-- operator has them folded again. parked_at is in milliseconds.
CREATE TABLE parked_entities (
  entity_id VARBINARY(255) NOT NULL,
  reason VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  detail TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  parked_at BIGINT NOT NULL,
  PRIMARY KEY (entity_id)
) ENGINE = InnoDB;

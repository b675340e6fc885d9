-- The parts of the pipeline that an operator has paused. `name` is the topic or the target, and empty for all of ingest.
-- partition_id is -1 unless the part is a partition. held_at is in milliseconds.
CREATE TABLE holds (
  kind ENUM('ingest', 'topic', 'partition', 'target') CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  partition_id INT NOT NULL,
  held_by VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  held_at BIGINT NOT NULL,
  PRIMARY KEY (kind, name, partition_id)
) ENGINE = InnoDB;

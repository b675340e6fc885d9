-- The journal: one row for each event, for ever, clustered by entity in canonical sequence, so that one
-- entity's history is one short range. Ids are bytes: no collation folds or pads them.
CREATE TABLE event_journal (
  entity_id VARBINARY(255) NOT NULL,
  sequence_position BIGINT NOT NULL,
  time_occurred DATETIME(3) NOT NULL,
  caution_rank SMALLINT NOT NULL,
  event_id VARBINARY(255) NOT NULL,
  content_hash BINARY(32) NOT NULL,
  event_type VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  revision BIGINT NULL,
  time_observed DATETIME(3) NOT NULL,
  topic VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  partition_id INT NOT NULL,
  record_offset BIGINT NOT NULL,
  data MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (entity_id, sequence_position, time_occurred, caution_rank, event_id, content_hash)
) ENGINE = InnoDB;

-- What each target is owed and has got: one row for each entity that was ever due to it. next_attempt_at
-- (milliseconds) is NULL when there is nothing to do; while a delivery is claimed it is the end of the lease.
CREATE TABLE deliveries (
  target VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  entity_id VARBINARY(255) NOT NULL,
  due_version BIGINT NOT NULL,
  status VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  attempts INT NOT NULL,
  ever_attempted BOOLEAN NOT NULL,
  delivered_version BIGINT NULL,
  next_attempt_at BIGINT NULL,
  claimed_by VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NULL,
  due_since BIGINT NOT NULL,
  last_status INT NULL,
  last_error TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  PRIMARY KEY (target, entity_id),
  KEY deliveries_by_next_attempt (target, next_attempt_at)
) ENGINE = InnoDB;

-- The ledger of attempts. attempted_at is part of the key because a redrive counts from 1 again.
CREATE TABLE delivery_attempts (
  target VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  entity_id VARBINARY(255) NOT NULL,
  version BIGINT NOT NULL,
  attempt INT NOT NULL,
  attempted_at BIGINT NOT NULL,
  delivery_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  verdict VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  status INT NULL,
  latency_ms DOUBLE NOT NULL,
  answer TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  error TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  PRIMARY KEY (target, entity_id, version, attempt, attempted_at)
) ENGINE = InnoDB;

-- The hash is part of the key because a topic that is made again has the same offsets with other records.
CREATE TABLE quarantine (
  topic VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  partition_id INT NOT NULL,
  record_offset BIGINT NOT NULL,
  reason VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  detail TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  record_key LONGBLOB NULL,
  record_value LONGBLOB NULL,
  value_length BIGINT NOT NULL,
  value_hash BINARY(32) NOT NULL,
  headers LONGBLOB NOT NULL,
  observed_at BIGINT NOT NULL,
  PRIMARY KEY (topic, partition_id, record_offset, value_hash)
) ENGINE = InnoDB;

-- How far the journal has come in each partition. Moved only by a compare-and-set on (next_offset, epoch), in
-- the transaction that writes what lies before it.
CREATE TABLE checkpoints (
  topic VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  partition_id INT NOT NULL,
  topic_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  next_offset BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  halt_reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  PRIMARY KEY (topic, partition_id)
) ENGINE = InnoDB;

-- Each time that an operator let a halted partition go on.
CREATE TABLE checkpoint_decisions (
  decision_id BIGINT NOT NULL AUTO_INCREMENT,
  topic VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  partition_id INT NOT NULL,
  from_offset BIGINT NOT NULL,
  to_offset BIGINT NOT NULL,
  halt_reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  decided_by VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  decided_at BIGINT NOT NULL,
  PRIMARY KEY (decision_id)
) ENGINE = InnoDB;

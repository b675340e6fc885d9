-- The journal, which is never changed. A row holds the events that one transaction added to one entity, because a
-- server's work grows with the number of rows. The key is the entity and the version that it had with the first of
-- these events, so only one of two writers that build on the same version can commit. Ids are bytes, so no collation
-- folds or pads them.
--
-- `events` is a JSON array in UTF-8. It is stored as bytes, so that the server does not parse it when it is written.
-- Each event in it is an array with the columns of event_journal (below). `bodies` holds the bodies as received, one
-- after the other. The last two fields of an event are the place of its body (from 1) and the number of its bytes.
CREATE TABLE journal_segments (
  entity_id VARBINARY(255) NOT NULL,
  first_version BIGINT NOT NULL,
  event_count INT NOT NULL,
  events MEDIUMBLOB NOT NULL,
  bodies MEDIUMBLOB NOT NULL,
  PRIMARY KEY (entity_id, first_version)
) ENGINE = InnoDB;

-- The places of the events in a segment, with which event_journal takes it apart.
CREATE TABLE journal_places (place INT NOT NULL PRIMARY KEY) ENGINE = InnoDB;

INSERT INTO journal_places VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15)
  ON DUPLICATE KEY UPDATE place = VALUES(place);

-- One row for each event. For one entity it reads one short range of journal_segments.
CREATE OR REPLACE VIEW event_journal AS
SELECT
  s.entity_id,
  s.first_version + p.place AS entity_version,
  CAST(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][0]')) AS SIGNED) AS sequence_position,
  CAST(DATE_ADD('1970-01-01 00:00:00', INTERVAL CAST(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][1]')) AS SIGNED) / 1000 SECOND) AS DATETIME(3)) AS time_occurred,
  CAST(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][2]')) AS SIGNED) AS caution_rank,
  CAST(JSON_UNQUOTE(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][3]'))) AS BINARY) AS event_id,
  UNHEX(JSON_UNQUOTE(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][4]')))) AS content_hash,
  JSON_UNQUOTE(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][5]'))) AS event_type,
  CAST(NULLIF(JSON_UNQUOTE(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][6]'))), 'null') AS SIGNED) AS revision,
  CAST(DATE_ADD('1970-01-01 00:00:00', INTERVAL CAST(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][7]')) AS SIGNED) / 1000 SECOND) AS DATETIME(3)) AS time_observed,
  JSON_UNQUOTE(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][8]'))) AS topic,
  CAST(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][9]')) AS SIGNED) AS partition_id,
  CAST(JSON_UNQUOTE(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][10]'))) AS SIGNED) AS record_offset,
  CONVERT(SUBSTRING(
    s.bodies,
    CAST(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][11]')) AS SIGNED),
    CAST(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][12]')) AS SIGNED)
  ) USING utf8mb4) AS data
FROM journal_segments s JOIN journal_places p ON p.place < s.event_count;

-- What is due to each target, and what each target has got: one row for each entity that was ever due to it.
-- next_attempt_at is in milliseconds. It is the last day of 9999 while the delivery is dead, so that the index finds
-- it, and one millisecond more while there is nothing to do. While a delivery is claimed, claim_id (a hash of the
-- claimant's name) is not 0, and leased_until (milliseconds) is when anybody may claim it again. attempts counts the
-- attempts at due_version; is_retry is 1 while the delivery is due because one of them failed. delivered_version and
-- last_status are 0 if there is none, because a row whose size does not change is written in place.
CREATE TABLE deliveries (
  target VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  entity_id VARBINARY(255) NOT NULL,
  due_version BIGINT NOT NULL,
  status ENUM('pending', 'delivered', 'dead') CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  attempts INT NOT NULL,
  is_retry TINYINT NOT NULL DEFAULT 0,
  delivered_version BIGINT NOT NULL DEFAULT 0,
  next_attempt_at BIGINT NOT NULL,
  leased_until BIGINT NOT NULL DEFAULT 0,
  claim_id BIGINT NOT NULL DEFAULT 0,
  due_since BIGINT NOT NULL,
  last_status INT NOT NULL DEFAULT 0,
  last_error TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  PRIMARY KEY (target, entity_id),
  KEY deliveries_by_next_attempt (target, is_retry, next_attempt_at)
) ENGINE = InnoDB;

-- The ledger of attempts. attempted_at is part of the key because a redrive counts attempts from 1 again.
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

-- Jobs that make dead deliveries due again, step by step. A job has met every matching delivery up to (cursor_target,
-- cursor_entity_id), which are NULL before its first step. filter is JSON.
CREATE TABLE redrive_jobs (
  job_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  filter MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  is_dry_run BOOLEAN NOT NULL,
  state ENUM('waiting', 'running', 'done') CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  matched BIGINT NOT NULL,
  redriven BIGINT NOT NULL,
  cursor_target VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NULL,
  cursor_entity_id VARBINARY(255) NULL,
  requested_by VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  finished_at BIGINT NULL,
  claimed_by VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NULL,
  leased_until BIGINT NOT NULL,
  PRIMARY KEY (job_id)
) ENGINE = InnoDB;

-- Records that are no valid events, with their bytes as received. The hash is part of the key because a topic that was
-- made again has other records at the same offsets.
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

-- How far each partition is journaled. A row is moved only by a compare-and-set on (next_offset, epoch), in the
-- transaction that writes the records before it.
CREATE TABLE checkpoints (
  topic VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  partition_id INT NOT NULL,
  topic_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  next_offset BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  halt_reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  PRIMARY KEY (topic, partition_id)
) ENGINE = InnoDB;

-- Every decision of an operator about where a partition goes on, with the offset that it replaced.
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

CREATE TABLE orders (
  order_id VARBINARY(255) NOT NULL PRIMARY KEY,
  order_status VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  payment_status VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  review_status VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  ready_to_send BOOLEAN NULL,
  version BIGINT NOT NULL
) ENGINE = InnoDB;
CREATE TABLE journal_segments (
  entity_id VARBINARY(255) NOT NULL,
  first_version BIGINT NOT NULL,
  event_count INT NOT NULL,
  events MEDIUMBLOB NOT NULL,
  bodies MEDIUMBLOB NOT NULL,
  PRIMARY KEY (entity_id, first_version)
) ENGINE = InnoDB;
CREATE TABLE journal_places (place INT NOT NULL PRIMARY KEY) ENGINE = InnoDB;
INSERT INTO journal_places VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15);
CREATE VIEW event_journal AS
SELECT
  s.entity_id,
  CAST(JSON_UNQUOTE(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][3]'))) AS BINARY) AS event_id,
  UNHEX(JSON_UNQUOTE(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][4]')))) AS content_hash,
  JSON_UNQUOTE(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][5]'))) AS event_type,
  JSON_UNQUOTE(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][8]'))) AS topic,
  CAST(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][9]')) AS SIGNED) AS partition_id,
  CAST(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][10]')) AS SIGNED) AS record_offset,
  CONVERT(SUBSTRING(
    s.bodies,
    CAST(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][11]')) AS SIGNED),
    CAST(JSON_EXTRACT(CONVERT(s.events USING utf8mb4), CONCAT('$[', p.place, '][12]')) AS SIGNED)
  ) USING utf8mb4) AS data
FROM journal_segments s JOIN journal_places p ON p.place < s.event_count;
CREATE TABLE deliveries (
  target VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  entity_id VARBINARY(255) NOT NULL,
  due_version BIGINT NOT NULL,
  status ENUM('pending', 'delivered', 'dead') CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  attempts INT NOT NULL,
  delivered_version BIGINT NOT NULL DEFAULT 0,
  next_attempt_at BIGINT NOT NULL,
  PRIMARY KEY (target, entity_id),
  KEY deliveries_by_next_attempt (target, next_attempt_at)
) ENGINE = InnoDB;
CREATE TABLE quarantine (
  topic VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  partition_id INT NOT NULL,
  record_offset BIGINT NOT NULL,
  reason VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  record_value LONGBLOB NULL,
  settled_as VARCHAR(20) NULL,
  PRIMARY KEY (topic, partition_id, record_offset)
) ENGINE = InnoDB;
CREATE TABLE checkpoints (
  topic VARCHAR(249) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  partition_id INT NOT NULL,
  next_offset BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  PRIMARY KEY (topic, partition_id)
) ENGINE = InnoDB;

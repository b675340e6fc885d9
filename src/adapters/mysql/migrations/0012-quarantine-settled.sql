-- What became of a quarantined record: 'redriven' or 'discarded', when (milliseconds), by whom and why. NULL while the
-- record is open.
ALTER TABLE quarantine ADD COLUMN settled_as VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NULL;

ALTER TABLE quarantine ADD COLUMN settled_at BIGINT NULL;

ALTER TABLE quarantine ADD COLUMN settled_by VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL;

ALTER TABLE quarantine ADD COLUMN settled_reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL;

-- The open records are counted and listed along this index, which holds all that they are filtered by. So neither
-- settled records nor the bytes of open ones are read for it.
ALTER TABLE quarantine ADD INDEX quarantine_open (settled_as, topic, partition_id, record_offset, value_hash, reason, observed_at);

ALTER TABLE quarantine DROP INDEX quarantine_by_reason;

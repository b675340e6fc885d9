-- What became of a quarantined record: 'redriven' or 'discarded', when (milliseconds), by whom and why. NULL while the
-- record is open.
ALTER TABLE quarantine ADD COLUMN settled_as TEXT;

ALTER TABLE quarantine ADD COLUMN settled_at INTEGER;

ALTER TABLE quarantine ADD COLUMN settled_by TEXT;

ALTER TABLE quarantine ADD COLUMN settled_reason TEXT;

-- The open records are counted and listed along this index, which holds all that they are filtered by. So neither
-- settled records nor the bytes of open ones are read for it.
CREATE INDEX quarantine_open ON quarantine (topic, partition_id, record_offset, value_hash, reason, observed_at)
  WHERE settled_as IS NULL;

DROP INDEX quarantine_by_reason;

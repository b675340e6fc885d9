-- What became of a quarantined record: 'redriven' or 'discarded', when (milliseconds), by whom and why. NULL while the
-- record is open.
ALTER TABLE quarantine ADD COLUMN settled_as TEXT;

ALTER TABLE quarantine ADD COLUMN settled_at INTEGER;

ALTER TABLE quarantine ADD COLUMN settled_by TEXT;

ALTER TABLE quarantine ADD COLUMN settled_reason TEXT;

-- The open records are counted and listed along this index, which holds all that they are filtered by. So neither
-- settled records nor the bytes of open ones are read for it.
-- settled_as is in it, because SQLite does not see that the condition makes it NULL.
CREATE INDEX quarantine_open
  ON quarantine (topic, partition_id, record_offset, value_hash, reason, observed_at, settled_as)
  WHERE settled_as IS NULL;

DROP INDEX quarantine_by_reason;

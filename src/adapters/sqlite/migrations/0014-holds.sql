-- The parts of the pipeline that an operator has paused. `name` is the topic or the target, and empty for all of ingest.
-- partition_id is -1 unless the part is a partition. held_at is in milliseconds.
CREATE TABLE holds (
  kind         TEXT    NOT NULL CHECK (kind IN ('ingest', 'topic', 'partition', 'target')),
  name         TEXT    NOT NULL,
  partition_id INTEGER NOT NULL,
  held_by      TEXT    NOT NULL,
  reason       TEXT    NOT NULL,
  held_at      INTEGER NOT NULL,
  PRIMARY KEY (kind, name, partition_id)
) WITHOUT ROWID;

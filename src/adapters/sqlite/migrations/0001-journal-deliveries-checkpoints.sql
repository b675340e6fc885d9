-- The journal, which is never changed: one row for each distinct event, clustered by entity in canonical sequence, so
-- that one short scan reads an entity's history. TEXT compares by the bytes of its UTF-8 form. Times are ISO 8601 in
-- UTC with milliseconds, which as text sort by time from the year 0 to 9999. content_hash is the 32 bytes of a
-- SHA-256.
CREATE TABLE event_journal (
  entity_id         TEXT    NOT NULL,
  sequence_position INTEGER NOT NULL,
  time_occurred     TEXT    NOT NULL,
  caution_rank      INTEGER NOT NULL,
  event_id          TEXT    NOT NULL,
  content_hash      BLOB    NOT NULL,
  event_type        TEXT    NOT NULL,
  revision          INTEGER,
  time_observed     TEXT    NOT NULL,
  topic             TEXT    NOT NULL,
  partition_id      INTEGER NOT NULL,
  record_offset     INTEGER NOT NULL,
  data              TEXT    NOT NULL,
  PRIMARY KEY (entity_id, sequence_position, time_occurred, caution_rank, event_id, content_hash)
) WITHOUT ROWID;

CREATE TRIGGER event_journal_refuses_update BEFORE UPDATE ON event_journal
BEGIN
  SELECT RAISE(ABORT, 'event_journal is immutable: rows are never updated');
END;

CREATE TRIGGER event_journal_refuses_delete BEFORE DELETE ON event_journal
BEGIN
  SELECT RAISE(ABORT, 'event_journal is immutable: rows are never deleted');
END;

-- One row for each target and entity that was ever due. next_attempt_at (milliseconds) is NULL while there is nothing
-- to do, and the end of 9999 while the delivery is dead, so that the index finds the dead ones too. While claimed_by
-- is set, leased_until (milliseconds) is when anybody may claim the delivery again. attempts counts the attempts at
-- due_version; is_retry is 1 while the delivery is due because one of them failed.
--
-- Rows and attempts are stored in the sequence in which the deliveries were first due. They are claimed and settled in
-- nearly that sequence, and a transaction writes every page that it touches as a whole.
CREATE TABLE deliveries (
  delivery_number   INTEGER PRIMARY KEY,
  target            TEXT    NOT NULL,
  entity_id         TEXT    NOT NULL,
  due_version       INTEGER NOT NULL,
  status            TEXT    NOT NULL CHECK (status IN ('pending', 'delivered', 'dead')),
  attempts          INTEGER NOT NULL,
  is_retry          INTEGER NOT NULL DEFAULT 0,
  delivered_version INTEGER,
  next_attempt_at   INTEGER,
  leased_until      INTEGER NOT NULL DEFAULT 0,
  claimed_by        TEXT,
  due_since         INTEGER NOT NULL,
  last_error        TEXT,
  last_status       INTEGER,
  UNIQUE (target, entity_id)
);

-- The index is partial, so that finished deliveries take no space in it.
CREATE INDEX deliveries_by_next_attempt ON deliveries (target, is_retry, next_attempt_at, entity_id)
  WHERE next_attempt_at IS NOT NULL;

-- The ledger of attempts. attempted_at (milliseconds) is part of the key because a redrive counts attempts from 1
-- again.
CREATE TABLE delivery_attempts (
  delivery_number INTEGER NOT NULL,
  target          TEXT    NOT NULL,
  entity_id       TEXT    NOT NULL,
  version         INTEGER NOT NULL,
  attempt         INTEGER NOT NULL,
  delivery_id     TEXT    NOT NULL,
  attempted_at    INTEGER NOT NULL,
  verdict         TEXT    NOT NULL,
  status          INTEGER,
  latency_ms      REAL    NOT NULL,
  answer          TEXT    NOT NULL,
  error           TEXT,
  PRIMARY KEY (delivery_number, version, attempt, attempted_at)
) WITHOUT ROWID;

-- Jobs that make dead deliveries due again, step by step. A job has met every matching delivery up to (cursor_target,
-- cursor_entity_id), which are NULL before its first step. filter is JSON.
CREATE TABLE redrive_jobs (
  job_id           TEXT    NOT NULL PRIMARY KEY,
  filter           TEXT    NOT NULL,
  is_dry_run       INTEGER NOT NULL,
  state            TEXT    NOT NULL CHECK (state IN ('waiting', 'running', 'done')),
  matched          INTEGER NOT NULL,
  redriven         INTEGER NOT NULL,
  cursor_target    TEXT,
  cursor_entity_id TEXT,
  requested_by     TEXT    NOT NULL,
  created_at       INTEGER NOT NULL,
  updated_at       INTEGER NOT NULL,
  finished_at      INTEGER,
  claimed_by       TEXT,
  leased_until     INTEGER NOT NULL
) WITHOUT ROWID;

-- Records that are no valid events, with their bytes as received.
CREATE TABLE quarantine (
  topic         TEXT    NOT NULL,
  partition_id  INTEGER NOT NULL,
  record_offset INTEGER NOT NULL,
  reason        TEXT    NOT NULL,
  detail        TEXT    NOT NULL,
  record_key    BLOB,
  record_value  BLOB,
  value_length  INTEGER NOT NULL,
  value_hash    BLOB    NOT NULL,
  headers       BLOB    NOT NULL,
  observed_at   INTEGER NOT NULL,
  PRIMARY KEY (topic, partition_id, record_offset, value_hash)
);

CREATE TABLE checkpoints (
  topic        TEXT    NOT NULL,
  partition_id INTEGER NOT NULL,
  topic_id     TEXT    NOT NULL,
  next_offset  INTEGER NOT NULL,
  epoch        INTEGER NOT NULL,
  halt_reason  TEXT,
  PRIMARY KEY (topic, partition_id)
) WITHOUT ROWID;

-- Every decision of an operator about where a partition goes on, with what it replaced.
CREATE TABLE checkpoint_decisions (
  decision_id    INTEGER PRIMARY KEY AUTOINCREMENT,
  topic          TEXT    NOT NULL,
  partition_id   INTEGER NOT NULL,
  topic_id       TEXT    NOT NULL,
  from_offset    INTEGER NOT NULL,
  to_offset      INTEGER NOT NULL,
  halt_reason    TEXT,
  decided_by     TEXT    NOT NULL,
  reason         TEXT    NOT NULL,
  decided_at     INTEGER NOT NULL
);

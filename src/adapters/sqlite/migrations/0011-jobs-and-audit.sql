-- Jobs that operators ask for, of all kinds. parameters, progress and place are JSON; only the worker of the kind
-- understands them, and place is NULL before the first step. All times are in milliseconds. While claimed_by is set,
-- leased_until is when anybody may claim the job again; without it, leased_until ends a rest of the job.
CREATE TABLE jobs (
  job_id       TEXT    NOT NULL PRIMARY KEY,
  kind         TEXT    NOT NULL,
  parameters   TEXT    NOT NULL,
  is_dry_run   INTEGER NOT NULL,
  state        TEXT    NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'cancelled')),
  progress     TEXT    NOT NULL,
  place        TEXT,
  requested_by TEXT    NOT NULL,
  reason       TEXT    NOT NULL,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  finished_at  INTEGER,
  claimed_by   TEXT,
  leased_until INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX jobs_by_age ON jobs (created_at, job_id);

CREATE INDEX jobs_to_do ON jobs (kind, created_at, job_id) WHERE state IN ('waiting', 'running');

INSERT INTO jobs (
  job_id, kind, parameters, is_dry_run, state, progress, place, requested_by, reason, created_at, updated_at,
  finished_at, claimed_by, leased_until
)
SELECT
  job_id, 'redrive', '{"filter":' || filter || '}', is_dry_run, state,
  json_object('matched', matched, 'redriven', redriven),
  CASE WHEN cursor_target IS NOT NULL THEN json_object('target', cursor_target, 'entityId', cursor_entity_id) END,
  requested_by, '', created_at, updated_at, finished_at, claimed_by, leased_until
FROM redrive_jobs;

-- Every decision of a person, for ever. details is JSON. decided_at is in milliseconds.
CREATE TABLE audit_log (
  audit_id   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  action     TEXT    NOT NULL,
  subject    TEXT    NOT NULL,
  details    TEXT    NOT NULL,
  decided_by TEXT    NOT NULL,
  reason     TEXT    NOT NULL,
  decided_at INTEGER NOT NULL
);

-- The decisions from before the audit log.
INSERT INTO audit_log (action, subject, details, decided_by, reason, decided_at)
SELECT action, subject, details, decided_by, reason, decided_at FROM (
  SELECT
    'partition_resumed' AS action, topic || '/' || partition_id AS subject,
    json_object('fromOffset', '' || from_offset, 'toOffset', '' || to_offset, 'haltReason', halt_reason) AS details,
    decided_by, reason, decided_at, decision_id
  FROM checkpoint_decisions
  UNION ALL
  SELECT
    'group_taken', group_name, json_object('formerStore', former_store), decided_by, reason, decided_at, decision_id
  FROM group_decisions
)
ORDER BY decided_at, action, decision_id;

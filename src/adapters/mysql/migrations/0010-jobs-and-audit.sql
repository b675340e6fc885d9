-- Jobs that operators ask for, of all kinds. parameters, progress and place are JSON; only the worker of the kind
-- understands them, and place is NULL before the first step. All times are in milliseconds. While claimed_by is set,
-- leased_until is when anybody may claim the job again; without it, leased_until ends a rest of the job.
CREATE TABLE jobs (
  job_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  parameters MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  is_dry_run BOOLEAN NOT NULL,
  state ENUM('waiting', 'running', 'done', 'cancelled') CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  progress MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  place MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  requested_by VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  finished_at BIGINT NULL,
  claimed_by VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NULL,
  leased_until BIGINT NOT NULL,
  PRIMARY KEY (job_id),
  KEY jobs_by_age (created_at, job_id),
  KEY jobs_to_do (kind, state, created_at, job_id)
) ENGINE = InnoDB;

INSERT IGNORE INTO jobs (
  job_id, kind, parameters, is_dry_run, state, progress, place, requested_by, reason, created_at, updated_at,
  finished_at, claimed_by, leased_until
)
SELECT
  job_id, 'redrive', CONCAT('{"filter":', filter, '}'), is_dry_run, state,
  CONCAT('{"matched":', matched, ',"redriven":', redriven, '}'),
  CASE WHEN cursor_target IS NULL THEN NULL
    ELSE JSON_OBJECT('target', cursor_target, 'entityId', CONVERT(cursor_entity_id USING utf8mb4)) END,
  requested_by, '', created_at, updated_at, finished_at, claimed_by, leased_until
FROM redrive_jobs;

-- Every decision of a person, for ever. details is JSON. decided_at is in milliseconds.
CREATE TABLE audit_log (
  audit_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  action VARCHAR(50) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  subject TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  details MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  decided_by VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  decided_at BIGINT NOT NULL
) ENGINE = InnoDB;

-- The decisions from before the audit log. The statement copies all of them or none, and nobody adds others before it.
INSERT INTO audit_log (action, subject, details, decided_by, reason, decided_at)
SELECT action, subject, details, decided_by, reason, decided_at FROM (
  SELECT
    'partition_resumed' AS action, CONCAT(topic, '/', partition_id) AS subject,
    JSON_OBJECT('fromOffset', CONCAT(from_offset), 'toOffset', CONCAT(to_offset), 'haltReason', halt_reason) AS details,
    decided_by, reason, decided_at, decision_id
  FROM checkpoint_decisions
  UNION ALL
  SELECT
    'group_taken', group_name, JSON_OBJECT('formerStore', former_store), decided_by, reason, decided_at, decision_id
  FROM group_decisions
) AS decisions
WHERE NOT EXISTS (SELECT 1 FROM audit_log)
ORDER BY decided_at, action, decision_id;

import { TableNames } from '../../core/table-names.ts';

/** The plain names of all our tables, indexes and triggers. The names of indexes and triggers are unique in a file too. */
const OWN = [
  'audit_log',
  'checkpoint_decisions',
  'checkpoints',
  'deliveries',
  'deliveries_by_next_attempt',
  'delivery_attempts',
  'delivery_repairs',
  'delivery_senders',
  'event_journal',
  'event_journal_by_version',
  'event_journal_refuses_delete',
  'event_journal_refuses_update',
  'fold_snapshots',
  'group_decisions',
  'holds',
  'jobs',
  'jobs_by_age',
  'jobs_to_do',
  'journal_index',
  'parked_entities',
  'quarantine',
  'quarantine_by_reason',
  'quarantine_open',
  'redrive_jobs',
  'schema_migrations',
  'store_identity',
  'store_time',
  'sweeps',
  'view_records',
  'view_states',
];

/** The names of one pipeline's tables. */
export function tableNames(prefix = ''): TableNames {
  return new TableNames(OWN, prefix);
}

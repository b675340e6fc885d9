import { TableNames } from '../../core/table-names.ts';

/** The plain names of all our tables, and of the view that shows the journal. */
const OWN = [
  'audit_log',
  'checkpoint_decisions',
  'checkpoints',
  'deliveries',
  'delivery_attempts',
  'delivery_repairs',
  'delivery_senders',
  'event_journal',
  'fold_snapshots',
  'group_decisions',
  'holds',
  'jobs',
  'journal_index',
  'journal_places',
  'journal_segments',
  'parked_entities',
  'quarantine',
  'redrive_jobs',
  'schema_migrations',
  'store_identity',
  'sweeps',
  'view_records',
  'view_states',
];

/** The names of one pipeline's tables. */
export function tableNames(prefix = ''): TableNames {
  return new TableNames(OWN, prefix);
}

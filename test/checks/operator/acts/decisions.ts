/** Who decided what, and why. */
import type { Stage } from '../stage.ts';
import { RESUMED_BECAUSE } from './partition.ts';
import { DISCARDED_BECAUSE, type Job, REDRIVEN_BECAUSE as TAKEN_BECAUSE } from './refusals.ts';
import { PAUSED_BECAUSE, REDRIVEN_BECAUSE } from './target.ts';
import { REBUILT_BECAUSE, REPAIRED_BECAUSE } from './view.ts';

interface Entry {
  readonly action: string;
  readonly decidedBy: string;
  readonly reason: string;
}

/** Decisions of the story by people, or with these reasons, the oldest first. Those over HTTP have no name on loopback. */
const DECISIONS: readonly (readonly [action: string, by: string | null, reason: string])[] = [
  ['job_created', 'ana', TAKEN_BECAUSE],
  ['quarantine_discarded', null, DISCARDED_BECAUSE],
  ['job_created', 'ben', REDRIVEN_BECAUSE],
  ['held', 'ana', PAUSED_BECAUSE],
  ['partition_resumed', 'ana', RESUMED_BECAUSE],
  ['rows_repaired', 'ben', REPAIRED_BECAUSE],
  ['job_created', 'ana', REBUILT_BECAUSE],
  ['rebuild_switched', null, REBUILT_BECAUSE],
];

export async function askDecisions({ desk }: Stage): Promise<void> {
  const isOurs = ({ action, decidedBy, reason }: Entry) =>
    DECISIONS.some(([what, by, why]) => what === action && why === reason && (by ?? decidedBy) === decidedBy);
  await desk.ask({
    what: 'who decided what, and why?',
    command: ['audit', '--limit', '1000'],
    path: '/audit?limit=500',
    pick: (entries: readonly Entry[]) =>
      entries
        .filter(isOurs)
        .map(({ action, reason }) => `${action} ${reason}`)
        .filter((entry, index, all) => all.indexOf(entry) === index)
        .reverse(),
    expected: DECISIONS.map(([action, , reason]) => `${action} ${reason}`),
  });
  await desk.ask({
    what: 'which jobs were there, and are they done?',
    command: ['jobs'],
    path: '/jobs?limit=500',
    pick: (jobs: readonly Job[]) =>
      jobs.map(({ kind, state, dryRun }) => `${kind} ${state} ${dryRun}`).reverse(),
    expected: [
      'quarantine_redrive done true',
      'quarantine_redrive done true',
      'quarantine_redrive done false',
      'redrive done true',
      'redrive done true',
      'redrive done false',
      'verify done true',
      'rebuild done false',
      'rebuild done false',
    ],
  });
}

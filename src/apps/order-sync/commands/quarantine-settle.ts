import { quarantineRedriveHandler } from '../../../pipeline/jobs/quarantine-redrive.ts';
import { selectionJson } from '../../../pipeline/jobs/quarantine-selection.ts';
import type { Clock } from '../../../ports/clock.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import { startProgress } from '../../shared/cli/progress.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { domainOf } from '../../shared/settings/synced.ts';
import { DECISION_OPTIONS, decisionFrom, personFrom } from '../decision.ts';
import { decoderOf } from '../decoder-of.ts';
import { jobJson, jobLine } from '../job-json.ts';
import { migratedStore } from '../migrated-store.ts';
import { openCommandStore } from '../order-sync.ts';
import { SELECTION_OPTIONS, selectionFrom } from '../quarantine-options.ts';
import { dueRulesOf } from '../targets/targets.ts';
import { knownJob, waitForJob } from './jobs.ts';

const GROUP = { name: 'quarantine', summary: 'Show, redrive or discard refused records.' };
const RECORDS = [
  ['[records...]', 'Topic, partition and offset of each, as in order_events/3/1204.'],
] as const;
/** The records of one transaction. */
const DISCARDED_AT_ONCE = 1_000;

export function quarantineRedriveCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    group: GROUP,
    name: 'redrive',
    summary:
      'Create a job that decodes refused records again and journals those that pass. A running order-sync does its work.',
    arguments: RECORDS,
    options: [
      ...SELECTION_OPTIONS,
      ['--dry-run', 'Only count the records that pass today, and those that do not. Change nothing.'],
      ['--wait', 'Work on the job in this process too, and end when it is done.'],
      ...DECISION_OPTIONS,
    ],
    examples: [
      [
        'order-sync quarantine redrive --refused-for key_missing --dry-run --wait',
        'Count the records with one reason that pass today',
      ],
      [
        'order-sync quarantine redrive --refused-for key_missing --reason "the setting is corrected"',
        'Redrive them',
      ],
      ['order-sync quarantine redrive order_events/3/1204 order_events/3/1205 --wait', 'Redrive two records'],
    ],
    async run(context, input) {
      const { settings, logger, output } = context;
      const selection = selectionFrom(input);
      const opened = openCommandStore(settings, clock, logger);
      try {
        const jobId = clock.uuid();
        await opened.createJob({
          jobId,
          kind: 'quarantine_redrive',
          parameters: selectionJson(selection),
          isDryRun: input.options.dryRun === true,
          requestedBy: personFrom(input),
          reason: String(input.options.reason ?? '').trim(),
          createdAtMs: clock.now(),
        });
        let job = await knownJob(opened, jobId);
        if (input.options.wait === true) {
          const store = await migratedStore(opened, settings, clock);
          const handler = quarantineRedriveHandler({
            domain: domainOf(settings),
            decoder: decoderOf(settings, clock),
            due: dueRulesOf(settings),
            store,
            clock,
            logger,
          });
          const progress = startProgress(context, { unit: 'records', total: null, clock });
          job = await waitForJob(context, { store, clock, handler }, jobId, (now) =>
            progress.update(Number(now.progress.matched ?? 0)),
          ).finally(() => progress.stop());
        }
        await output.document(jobJson(job), jobLine(job));
        return EXIT.ok;
      } finally {
        await opened.close();
      }
    },
  };
}

export function quarantineDiscardCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    group: GROUP,
    name: 'discard',
    summary: 'Settle refused records as not wanted. They stay in the table, with who decided it and why.',
    arguments: RECORDS,
    options: [...SELECTION_OPTIONS, ...DECISION_OPTIONS],
    examples: [
      ['order-sync quarantine discard order_events/3/1204 --reason "a test record"', 'One record'],
      [
        'order-sync quarantine discard --refused-for value_missing --before 2026-11-22T00:00:00Z --reason "tombstones of the old producer"',
        'All records that match a filter',
      ],
    ],
    async run({ settings, logger, output, note }, input) {
      const selection = selectionFrom(input);
      const decision = decisionFrom(input, clock);
      const store = openCommandStore(settings, clock, logger);
      try {
        let discarded = 0;
        for (const filter of selection) {
          for (;;) {
            const count = await store.discardQuarantined({ ...decision, filter, limit: DISCARDED_AT_ONCE });
            discarded += count;
            if (count < DISCARDED_AT_ONCE) break;
          }
        }
        const { decidedBy, reason } = decision;
        await output.document({ discarded, decidedBy, reason }, `discarded ${discarded}`);
        if (discarded === 0) note('No open record matches: see order-sync quarantine.');
        return EXIT.ok;
      } finally {
        await store.close();
      }
    },
  };
}

import { quarantineRedriveHandler } from '../../../pipeline/jobs/quarantine-redrive.ts';
import { selectionJson } from '../../../pipeline/jobs/quarantine-selection.ts';
import type { Clock } from '../../../ports/clock.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import { startProgress } from '../../shared/cli/progress.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { domainOf } from '../../shared/settings/synced.ts';
import { decisionFrom, personFrom } from '../decision.ts';
import { decoderOf } from '../decoder-of.ts';
import { jobJson, jobLine } from '../job-json.ts';
import { migratedStore } from '../migrated-store.ts';
import { openCommandStore } from '../open-parts.ts';
import { selectionFrom } from '../quarantine-options.ts';
import { dueRulesOf } from '../targets/targets.ts';
import { knownJob, waitForJob } from './jobs.ts';

/** The records of one transaction. */
const DISCARDED_AT_ONCE = 1_000;

export async function runQuarantineRedrive(
  clock: Clock,
  context: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const { settings, logger, output } = context;
  const selection = selectionFrom(input);
  const opened = await openCommandStore(settings, clock, logger);
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
}

export async function runQuarantineDiscard(
  clock: Clock,
  { settings, logger, output, note }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const selection = selectionFrom(input);
  const decision = decisionFrom(input, clock);
  const store = await openCommandStore(settings, clock, logger);
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
}

import { userInfo } from 'node:os';
import { TributaryError } from '../../../core/errors.ts';
import { Redrive } from '../../../pipeline/redrive/redrive.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { DeliveryFilter, StoredDelivery } from '../../../ports/ledger.ts';
import type { RedriveJob, RedriveJobs } from '../../../ports/redrive-jobs.ts';
import type { CommandInput, CommandSpec } from '../../shared/cli/cli.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import { FilterFault, type FilterName, filterOf, isEmptyFilter } from '../http/delivery-filter.ts';
import { deliveryJson, jobJson } from '../http/delivery-json.ts';
import { openCommandStore } from '../order-sync.ts';

const PAGE_ROWS = 500;
const POLL_MS = 200;

/** The flag of each part of a filter, and the option's name as commander gives it. */
const FILTER_FLAGS: Partial<Record<FilterName, { readonly flags: string; readonly help: string }>> = {
  target: { flags: '--target <name>', help: 'Only those to this target.' },
  entityId: { flags: '--order <id>', help: 'Only that of this order.' },
  lastStatus: { flags: '--status <code>', help: 'Only those whose last answer had this status, as in 422.' },
  error: { flags: '--error <text>', help: 'Only those whose last error begins so.' },
  dueSince: { flags: '--due-since <moment>', help: 'Only those due at this moment (RFC 3339) or later.' },
  dueBefore: { flags: '--due-before <moment>', help: 'Only those that were due before this moment.' },
};
const FILTER_OPTIONS = Object.values(FILTER_FLAGS).map(({ flags, help }) => [flags, help] as const);

export function deadLettersCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'dead-letters',
    summary: 'The deliveries that are not tried again by themselves, and why.',
    options: [...FILTER_OPTIONS, ['--limit <number>', 'At most so many (default: all).']],
    examples: [
      ['order-sync dead-letters', 'All of them'],
      ['order-sync dead-letters --status 422 --limit 20', 'Some of those that the target refused as invalid'],
      ['order-sync dead-letters --due-since 2026-11-22T00:00:00Z --json', 'Since a moment, for a program'],
    ],
    async run({ settings, log, output, note }, input) {
      const filter: DeliveryFilter = { ...filterFrom(input), status: 'dead' };
      const most = limitFrom(input);
      const store = openCommandStore(settings, clock, log);
      try {
        let shown = 0;
        let after: StoredDelivery | null = null;
        while (shown < most) {
          const limit: number = Math.min(PAGE_ROWS, most - shown);
          const page: StoredDelivery[] = await store.listDeliveries({ filter, after, limit });
          for (const delivery of page) await output.row(deliveryJson(delivery), deadLetterLine(delivery));
          shown += page.length;
          after = page.at(-1) ?? null;
          if (page.length < limit) break;
        }
        await output.endRows();
        if (shown === 0)
          note(isEmptyFilter(filterFrom(input)) ? 'No delivery is dead.' : 'No dead delivery is like that.');
        return EXIT.ok;
      } finally {
        await store.close();
      }
    },
  };
}

export function redriveCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'redrive',
    summary: 'Make dead deliveries due again, as a job that a running order-sync works off.',
    options: [
      ...FILTER_OPTIONS,
      ['--all', 'All dead deliveries, where no filter is given.'],
      ['--dry-run', 'Count them, and change nothing.'],
      ['--wait', 'Work on it here too, and end when it is done.'],
      ['--by <name>', 'Who asks for it (default: the user of the system).'],
    ],
    examples: [
      ['order-sync redrive --status 422 --dry-run --wait', 'How many would it be?'],
      ['order-sync redrive --status 422', 'Those that the target refused as invalid, now that it takes them'],
      ['order-sync redrive --all --wait --json', 'All of them; ends when the last one is due again'],
    ],
    async run({ settings, log, output, shutdown }, input) {
      const filter = filterFrom(input);
      if (isEmptyFilter(filter) && input.options.all !== true)
        throw new TributaryError(
          'usage',
          'Say which ones by a filter (--status, --target ...), or give --all.',
        );
      if (!isEmptyFilter(filter) && input.options.all === true)
        throw new TributaryError('usage', 'Give a filter or --all, not both.');
      const store = openCommandStore(settings, clock, log);
      try {
        const jobId = clock.uuid();
        await store.createRedrive({
          jobId,
          filter,
          isDryRun: input.options.dryRun === true,
          requestedBy: String(input.options.by ?? userInfo().username),
          createdAtMs: clock.now(),
        });
        let job = await knownJob(store, jobId);
        if (input.options.wait === true) {
          const loop = new Redrive({ store, clock, logger: log, perSecond: settings.redriveRate });
          shutdown.defer('redrive', () => loop.stop());
          const stopped = new AbortController();
          void shutdown.requested.then(() => stopped.abort());
          loop.start();
          while (job.state !== 'done' && !stopped.signal.aborted) {
            await clock.sleep(POLL_MS, stopped.signal);
            job = await knownJob(store, jobId);
          }
          await loop.stop();
        }
        await output.document(jobJson(job), jobLine(job));
        return EXIT.ok;
      } finally {
        await store.close();
      }
    },
  };
}

export function jobsCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'jobs',
    summary: 'The redrive jobs, the newest first: how far they are, and what came of them.',
    arguments: [['[id]', 'Only this one.']],
    examples: [
      ['order-sync jobs', 'A line for each'],
      ['order-sync jobs 5f0c3a52-7a55-4c3e-9a39-0c8f8f1f6a3e --json', 'One of them, for a program'],
    ],
    async run({ settings, log, output, note }, input) {
      const store = openCommandStore(settings, clock, log);
      try {
        const [jobId] = input.arguments;
        if (jobId !== undefined) {
          const job = await knownJob(store, jobId);
          await output.document(jobJson(job), jobLine(job));
          return EXIT.ok;
        }
        let after: RedriveJob | null = null;
        for (;;) {
          const page: RedriveJob[] = await store.listRedrives({ after, limit: PAGE_ROWS });
          for (const job of page) await output.row(jobJson(job), jobLine(job));
          if (after === null && page.length === 0)
            note('There is no redrive job: "order-sync redrive" makes one.');
          after = page.at(-1) ?? null;
          if (page.length < PAGE_ROWS) break;
        }
        await output.endRows();
        return EXIT.ok;
      } finally {
        await store.close();
      }
    },
  };
}

async function knownJob(store: RedriveJobs, jobId: string): Promise<RedriveJob> {
  const job = await store.readRedrive(jobId);
  if (job === null)
    throw new TributaryError('usage', `There is no job ${JSON.stringify(jobId)}: see order-sync jobs.`);
  return job;
}

function filterFrom({ options }: CommandInput): DeliveryFilter {
  const text = (name: string) => (typeof options[name] === 'string' ? options[name] : undefined);
  try {
    return filterOf({
      target: text('target'),
      entityId: text('order'),
      lastStatus: text('status'),
      error: text('error'),
      dueSince: text('dueSince'),
      dueBefore: text('dueBefore'),
    });
  } catch (error) {
    if (!(error instanceof FilterFault)) throw error;
    throw new TributaryError('usage', `${FILTER_FLAGS[error.part]?.flags ?? error.part} ${error.message}.`);
  }
}

function limitFrom({ options }: CommandInput): number {
  if (options.limit === undefined) return Number.POSITIVE_INFINITY;
  if (!/^[1-9]\d{0,8}$/.test(String(options.limit)))
    throw new TributaryError('usage', 'Give --limit a whole number from 1.');
  return Number(options.limit);
}

/** An id or an error may hold anything: as JSON it stays on its line and moves no cursor. */
function deadLetterLine({
  target,
  entityId,
  dueVersion,
  attempts,
  lastStatus,
  lastError,
}: StoredDelivery): string {
  const printable = (text: string) =>
    JSON.stringify(text).replace(
      /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  return `${target}  ${printable(entityId)}  version ${dueVersion}  attempts ${attempts}  status ${lastStatus ?? '-'}  ${printable(lastError ?? '')}`;
}

function jobLine({ jobId, state, isDryRun, matched, redriven, requestedBy }: RedriveJob): string {
  const what = isDryRun ? 'dry run' : `redriven ${redriven}`;
  return `${jobId}  ${state}  matched ${matched}  ${what}  by ${JSON.stringify(requestedBy)}`;
}

import { TributaryError } from '../../../core/errors.ts';
import { quoted } from '../../../core/text.ts';
import { ANSWER_CHARACTERS } from '../../../pipeline/ask/explain/words.ts';
import { redriveHandler } from '../../../pipeline/jobs/redrive.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { DeliveryFilter, StoredDelivery } from '../../../ports/ledger.ts';
import type { BoundedCount, OutboxOverview, StoreOverviews } from '../../../ports/store-overview.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { FILTER_FLAGS } from '../commands/redrive.ts';
import { personFrom } from '../decision.ts';
import { FilterFault, filterOf, isEmptyFilter } from '../delivery-filter.ts';
import { deliveryJson } from '../delivery-json.ts';
import { jobJson, jobLine } from '../job-json.ts';
import { limitFrom } from '../limit.ts';
import { openCommandStore } from '../open-parts.ts';
import { targetNames } from '../targets/targets.ts';
import { knownJob, waitForJob } from './jobs.ts';

const PAGE_ROWS = 500;
/** A line shows this much of an id or an error. */
const TEXT_CHARACTERS = 1_000;

export async function runDeadLetters(
  clock: Clock,
  { settings, logger, output, note }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const filter: DeliveryFilter = { ...filterFrom(input), status: 'dead' };
  const most = limitFrom(input, Number.POSITIVE_INFINITY);
  const store = await openCommandStore(settings, clock, logger);
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
    if (shown === 0) {
      const targets = targetNames(settings);
      note(await noneShown(store, targets, !isEmptyFilter(filterFrom(input)), clock.now()));
    }
    return EXIT.ok;
  } finally {
    await store.close();
  }
}

export async function runRedrive(
  clock: Clock,
  context: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const { settings, logger, output } = context;
  const filter = filterFrom(input);
  if (isEmptyFilter(filter) && input.options.all !== true)
    throw new TributaryError('usage', 'Give a filter (--status, --target ...), or --all.');
  if (!isEmptyFilter(filter) && input.options.all === true)
    throw new TributaryError('usage', 'Give a filter or --all, not both.');
  const store = await openCommandStore(settings, clock, logger);
  try {
    const jobId = clock.uuid();
    await store.createJob({
      jobId,
      kind: 'redrive',
      parameters: { filter },
      isDryRun: input.options.dryRun === true,
      requestedBy: personFrom(input),
      reason: String(input.options.reason ?? '').trim(),
      createdAtMs: clock.now(),
    });
    const handler = redriveHandler({ store, clock, perSecond: settings.redriveRate });
    const job =
      input.options.wait === true
        ? await waitForJob(context, { store, clock, handler }, jobId)
        : await knownJob(store, jobId);
    await output.document(jobJson(job), jobLine(job));
    return EXIT.ok;
  } finally {
    await store.close();
  }
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

/** What is known of the deliveries when none is shown. */
async function noneShown(
  store: Pick<StoreOverviews, 'readOverview'>,
  targets: readonly string[],
  isFiltered: boolean,
  nowMs: number,
): Promise<string> {
  const { outboxes } = await store.readOverview({ targets, nowMs });
  const dead = total(outboxes, ({ dead: count }) => count);
  const retries = total(outboxes, ({ retries: count }) => count);
  const first = !isFiltered
    ? 'No delivery is dead.'
    : dead === null
      ? 'No dead delivery matches the filter, and none is dead.'
      : `No dead delivery matches the filter; ${dead} are dead in all.`;
  if (retries === null) return first;
  const failed = outboxes.flatMap(({ target, lastFailure }) =>
    lastFailure === null ? [] : [`${target}: ${quoted(lastFailure.error ?? `status ${lastFailure.status}`)}`],
  );
  const why = failed.length === 0 ? '' : ` (the last failure at ${failed.join(', at ')})`;
  return `${first} ${retries} states failed or were refused and are tried again${why}: see order-sync orders --in-flight.`;
}

/** The sum of a count over the targets, in words; null if it is 0. */
function total(
  outboxes: readonly OutboxOverview[],
  countOf: (outbox: OutboxOverview) => BoundedCount,
): string | null {
  const counts = outboxes.map(countOf);
  const sum = counts.reduce((all, { count }) => all + count, 0);
  if (sum === 0) return null;
  return counts.some(({ isMore }) => isMore) ? `more than ${sum}` : String(sum);
}

/** A dead delivery as one line. Its texts are quoted, because they may hold anything, line ends and escapes too. */
function deadLetterLine({
  target,
  entityId,
  dueVersion,
  attempts,
  lastStatus,
  lastError,
  lastAnswer,
}: StoredDelivery): string {
  const said = lastAnswer === null ? '' : `  saying ${quoted(lastAnswer, ANSWER_CHARACTERS)}`;
  const error = quoted(lastError ?? '', TEXT_CHARACTERS);
  return `${target}  ${quoted(entityId, TEXT_CHARACTERS)}  version ${dueVersion}  attempts ${attempts}  status ${lastStatus ?? '-'}  ${error}${said}`;
}

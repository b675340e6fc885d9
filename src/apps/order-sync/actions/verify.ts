import { entityWords } from '../../../core/entity-words.ts';
import { TributaryError } from '../../../core/errors.ts';
import { createDecoder } from '../../../pipeline/decode/decoder.ts';
import { LONG_LIMITS, LongHistories } from '../../../pipeline/ingest/long-histories.ts';
import { untilCaughtUp } from '../../../pipeline/reconcile/caught-up.ts';
import { DEFAULT_RATE, RATE_MAX, SAMPLE_MAX } from '../../../pipeline/verify/limits.ts';
import {
  type VerificationCounts,
  type VerificationScope,
  verify,
} from '../../../pipeline/verify/verification.ts';
import { type EntityRange, type TargetCounts, verifyTarget } from '../../../pipeline/verify/verify-target.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Store } from '../../../ports/store.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import { startProgress } from '../../shared/cli/progress.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { domainOf, topicNamesOf, topicsOf } from '../../shared/settings/synced.ts';
import { deliverForCommand } from '../command-delivery.ts';
import { personFrom } from '../decision.ts';
import {
  type DifferenceJson,
  differenceJson,
  differenceLine,
  targetDifferenceJson,
} from '../difference-json.ts';
import { refusePaused } from '../hold-parts.ts';
import { migratedStore } from '../migrated-store.ts';
import { openCommandStore, openParts } from '../open-parts.ts';
import { openForReconciliation } from '../targets/routes.ts';
import { dueRulesOf, moreTargets } from '../targets/targets.ts';

/** The most differences that are shown one by one. All are counted. */
const SHOWN_MAX = 100;

export async function runVerify(
  clock: Clock,
  context: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const { settings, logger, output, shutdown } = context;
  const scope = scopeFrom(input);
  const target = input.options.target === undefined ? null : String(input.options.target);
  // Only the comparison with a target asks the log, whether everything is journaled.
  const parts = target === null ? null : await openParts(settings, clock, logger);
  const opened = parts?.store ?? (await openCommandStore(settings, clock, logger));
  try {
    // Rejects if the store was never set up. order-sync has to do that, since it also takes over a table that is there.
    await opened.checkpoints();
    if (scope.repairs && target !== null) await refusePaused(opened, target, 'without --repair');
    const store = await migratedStore(opened, settings, clock);
    const shown: DifferenceJson[] = [];
    const beganMs = clock.monotonicMs();
    const { counts, ranges } = await verifyStore(context, { clock, store, scope, shown });
    const seconds = (clock.monotonicMs() - beganMs) / 1_000;
    let held: TargetCounts | null = null;
    let failure: unknown = null;
    try {
      if (target !== null && parts !== null && !shutdown.signal.aborted)
        held = await verifyHeld(context, { clock, store, log: parts.log, target, ranges, shown, scope });
    } catch (error) {
      // What was found in the store, and put right there, is told all the same.
      failure = error;
    }
    if (scope.repairs) await addToAudit(store, clock, input, counts, held);
    const report = reportOf(counts, seconds, target, held, shown);
    await output.document(report, reportText(report, entityWords(settings.synced.domain).plural));
    if (failure !== null) throw failure;
    const isWhole = !shutdown.signal.aborted && counts.unsettled === 0;
    return isWhole && report.remaining === 0 ? EXIT.ok : EXIT.partial;
  } finally {
    await (parts ?? opened).close();
  }
}

async function addToAudit(
  store: Store,
  clock: Clock,
  input: CommandInput,
  counts: VerificationCounts,
  target: TargetCounts | null,
): Promise<void> {
  await store.addAudit({
    action: 'rows_repaired',
    subject: 'order-sync verify',
    details: { ...counts, target: target === null ? null : { name: input.options.target, ...target } },
    decidedBy: personFrom(input),
    reason: String(input.options.reason ?? ''),
    decidedAtMs: clock.now(),
  });
}

interface Work {
  readonly clock: Clock;
  readonly store: Store;
  readonly scope: VerificationScope;
  /** Takes the differences that are shown. */
  readonly shown: DifferenceJson[];
}

type Context = CommandContext<'order-sync'>;

/** Compares the store with its journal. `ranges` are the parts of the ids that were compared. */
async function verifyStore(
  context: Context,
  { clock, store, scope, shown }: Work,
): Promise<{ counts: VerificationCounts; ranges: readonly EntityRange[] }> {
  const { settings, logger, shutdown } = context;
  const decoder = createDecoder(settings.synced.domain, { topicNames: topicNamesOf(settings) });
  const long = new LongHistories({
    domain: domainOf(settings),
    decoder,
    journals: store.longJournals,
    logger,
    limits: LONG_LIMITS,
  });
  const total = scope.sample;
  const progress = startProgress(context, { unit: entityWords(settings.synced.domain).plural, total, clock });
  const ranges: EntityRange[] = [];
  let all = total;
  // Counting takes a while, and nothing but the time left depends on it.
  if (total === null)
    store.counts().then(
      ({ viewRows }) => {
        all = viewRows;
      },
      () => undefined,
    );
  try {
    const counts = await verify(
      {
        domain: domainOf(settings),
        decoder,
        due: dueRulesOf(settings),
        store,
        clock,
        targetsFromBeginning: new Set([settings.synced.target]),
        maxEvents: LONG_LIMITS.longEvents,
        long,
      },
      scope,
      ({ read }, differences, { after, ids }) => {
        progress.update(read, all);
        if (total !== null) ranges.push({ after, through: ids.at(-1) ?? null });
        for (const difference of differences) {
          if (shown.length === SHOWN_MAX) break;
          shown.push(differenceJson(settings.synced.domain, difference));
        }
      },
      shutdown.signal,
    );
    return { counts, ranges: total === null ? [{ after: null, through: null }] : ranges };
  } finally {
    progress.stop();
  }
}

/** Compares what a target holds with the ledger. Sends what became due, as a running order-sync does too. */
async function verifyHeld(
  context: Context,
  {
    clock,
    store,
    log,
    target,
    ranges,
    shown,
    scope,
  }: Work & {
    readonly log: Awaited<ReturnType<typeof openParts>>['log'];
    readonly target: string;
    readonly ranges: readonly EntityRange[];
  },
): Promise<TargetCounts> {
  const { settings, logger, shutdown } = context;
  const { route, holdings } = openForReconciliation(settings, moreTargets(settings), target, {
    clock,
    logger,
  });
  const delivery = await deliverForCommand({ route, store, settings, clock, logger });
  const topics = topicsOf(settings);
  const progress = startProgress(context, {
    unit: `${entityWords(settings.synced.domain).plural} of ${target}`,
    total: null,
    clock,
  });
  try {
    return await verifyTarget(
      {
        target,
        holdings,
        store,
        clock,
        heals: scope.repairs,
        untilCaughtUp: (signal) => untilCaughtUp({ log, store, topics, clock }, signal),
        perSecond: settings.redriveRate,
        onMadeDue: () => delivery.madeDue(),
      },
      ranges,
      (counts, differences) => {
        progress.update(counts.compared);
        for (const difference of differences) {
          if (shown.length === SHOWN_MAX) break;
          shown.push(targetDifferenceJson(settings.synced.domain, target, difference));
        }
      },
      shutdown.signal,
    );
  } finally {
    progress.stop();
    await delivery.stop();
    await route.target.close();
    await holdings.close();
  }
}

function scopeFrom({ options }: CommandInput): VerificationScope {
  const isAll = options.all === true;
  if (isAll === (options.sample !== undefined))
    throw new TributaryError('usage', 'Give --all or --sample, and not both.');
  const rate = numberFrom(options.rate ?? String(DEFAULT_RATE), '--rate', 0, RATE_MAX);
  return {
    sample: isAll ? null : numberFrom(options.sample, '--sample', 1, SAMPLE_MAX),
    perSecond: rate === 0 ? null : rate,
    repairs: options.repair === true,
  };
}

function numberFrom(given: unknown, flag: string, least: number, most: number): number {
  const number = /^\d{1,7}$/.test(String(given)) ? Number(given) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new TributaryError('usage', `Give ${flag} a whole number from ${least} to ${most}.`);
}

type Report = ReturnType<typeof reportOf>;

function reportOf(
  counts: VerificationCounts,
  seconds: number,
  target: string | null,
  held: TargetCounts | null,
  shown: readonly DifferenceJson[],
) {
  const { read, parked, unsettled, found, mended } = counts;
  const differences = counts.differences + (held?.differences ?? 0);
  const repaired = counts.repaired + (held?.repaired ?? 0);
  return {
    read,
    parked,
    unsettled,
    differences,
    repaired,
    remaining: differences - repaired,
    found,
    ledgerEntriesWritten: mended,
    entitiesPerSecond: Math.round(read / Math.max(0.001, seconds)),
    target: held === null ? null : { name: target, ...held },
    shown,
  };
}

function reportText(report: Report, plural: string): string {
  const { read, parked, unsettled, differences, repaired, remaining, entitiesPerSecond, target, shown } =
    report;
  const lines = shown.map(differenceLine);
  if (differences > shown.length) lines.push(`... and ${differences - shown.length} more`);
  if (target !== null) {
    const { name, compared, inFlight, dead, madeDue } = target;
    lines.push(`${name}: ${compared} compared, ${inFlight} in flight, ${dead} dead; ${madeDue} became due`);
  }
  const others = [
    ...(parked > 0 ? [`${parked} parked`] : []),
    ...(unsettled > 0 ? [`${unsettled} changed too often to be compared`] : []),
  ];
  lines.push(
    `${read} ${plural} read (${entitiesPerSecond}/s${others.map((text) => `, ${text}`).join('')}); ` +
      `${differences} differences, ${repaired} repaired, ${remaining} remain`,
  );
  return lines.join('\n');
}

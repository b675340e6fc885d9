import type { View } from '../../../core/domain.ts';
import { TributaryError } from '../../../core/errors.ts';
import { quoted } from '../../../core/text.ts';
import { untilCaughtUp } from '../../../pipeline/reconcile/caught-up.ts';
import {
  type ReconciledDifference,
  type ReconcileReport,
  reconcile,
} from '../../../pipeline/reconcile/reconcile.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { HeldState } from '../../../ports/target-holdings.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { domainOf, topicsOf } from '../../shared/settings/synced.ts';
import { deliverForCommand } from '../command-delivery.ts';
import { DEFAULT_LIMIT } from '../commands/reconcile.ts';
import { refusePaused } from '../hold-parts.ts';
import { openParts } from '../open-parts.ts';
import { openForReconciliation } from '../targets/routes.ts';
import { moreTargets, targetNames } from '../targets/targets.ts';

export async function runReconcile(
  clock: Clock,
  { settings, logger, output, shutdown }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const target = String(input.options.target ?? settings.synced.target);
  const limit = limitFrom(input);
  const heals = input.options.dryRun !== true;
  const { store: opened, log, close } = await openParts(settings, clock, logger);
  try {
    // Rejects if the store was never set up. order-sync has to do that, since it also takes over a table that is there.
    await opened.checkpoints();
    if (heals) await refusePaused(opened, target, 'with --dry-run');
    const targets = targetNames(settings);
    const parts = openForReconciliation(settings, moreTargets(settings), target, { clock, logger });
    const { route, holdings } = parts;
    const domain = domainOf(settings);
    const { table, keyColumn, columns } = domain.view;
    const { store } = await opened.migrate({
      view: { table, keyColumn, columns },
      targets,
      adopt: null,
      foldVersion: domain.foldVersion ?? 1,
      nowMs: clock.now(),
    });
    const { epoch: viewEpoch } = await store.viewState();
    const delivery = await deliverForCommand({ route, store, settings, clock, logger });
    try {
      const report = await reconcile(
        {
          target,
          holdings,
          store,
          clock,
          viewEpoch,
          heals,
          untilCaughtUp: (signal) => untilCaughtUp({ log, store, topics: topicsOf(settings), clock }, signal),
          limit,
          perSecond: settings.redriveRate,
          onMadeDue: () => delivery.madeDue(),
        },
        shutdown.signal,
      );
      await output.document(
        { target, dryRun: !heals, ...reportJson(domain.view.columns, report) },
        reportText(domain.view.columns, target, report),
      );
      if (report.madeDue > report.healed && !settings.deliver) {
        logger(
          'warn',
          'ORDER_SYNC_DELIVER is false: another order-sync has to send the states that were made due.',
        );
      }
      return report.isComplete && remainingOf(report) === 0 ? EXIT.ok : EXIT.partial;
    } finally {
      await delivery.stop();
      await route.target.close();
      await holdings.close();
    }
  } finally {
    await close();
  }
}

function limitFrom({ options }: CommandInput): number {
  const given = options.limit ?? DEFAULT_LIMIT;
  if (!/^[1-9]\d{0,6}$/.test(String(given)))
    throw new TributaryError('usage', 'Give --limit a whole number from 1 to 9999999.');
  return Number(given);
}

function remainingOf({ differences, healed }: ReconcileReport): number {
  return differences.length - healed;
}

function reportJson(columns: Columns, report: ReconcileReport): object {
  const { compared, inFlight, dead, isComplete, isCaughtUp, healed } = report;
  return {
    compared,
    inFlight,
    dead,
    complete: isComplete,
    caughtUp: isCaughtUp,
    healed,
    remaining: remainingOf(report),
    differences: report.differences.map(({ entityId, verdict, ours, theirs, isHealed }) => ({
      entityId,
      verdict,
      ours: ours === null ? null : stateJson(columns, ours),
      theirs: theirs === null ? null : stateJson(columns, theirs),
      healed: isHealed,
    })),
  };
}

/** The columns of the view. */
type Columns = View<never>['columns'];

function stateJson(columns: Columns, { row, version }: HeldState): object {
  return {
    ...Object.fromEntries(columns.map(({ name }, index) => [name, row[index] ?? null])),
    version,
  };
}

function reportText(columns: Columns, target: string, report: ReconcileReport): string {
  const { compared, inFlight, dead, healed, isComplete, isCaughtUp } = report;
  const early = isComplete ? '' : '; the sweep ended early, so there may be more';
  const behind =
    isCaughtUp === false
      ? '; not all of the log is journaled yet, or it does not answer: try again later'
      : '';
  const rest = `${early}${behind}`;
  return [
    ...report.differences.map((difference) => differenceLine(columns, difference)),
    `${target}: ${compared} compared, ${inFlight} in flight, ${dead} dead; ${report.differences.length} differed, ` +
      `${healed} healed, ${remainingOf(report)} remain${rest}`,
  ].join('\n');
}

function differenceLine(
  columns: Columns,
  { entityId, verdict, ours, theirs, isHealed }: ReconciledDifference,
): string {
  const outcome = isHealed ? 'healed' : 'remains';
  return `${verdict}  ${quoted(entityId, 255)}  ${outcome}  ours ${shown(columns, ours)}  theirs ${shown(columns, theirs)}`;
}

/** A state as text. The target's values are escaped, because they may hold anything and have to stay on one line. */
function shown(columns: Columns, state: HeldState | null): string {
  if (state === null) return '-';
  return JSON.stringify(stateJson(columns, state)).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

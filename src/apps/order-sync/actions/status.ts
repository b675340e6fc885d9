import { TributaryError } from '../../../core/errors.ts';
import { instanceOfAnotherStore } from '../../../pipeline/status/instance.ts';
import type { StatusReport } from '../../../pipeline/status/report.ts';
import { StatusReader } from '../../../pipeline/status/status.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { OpenedStore } from '../../../ports/store.ts';
import type { ViewState } from '../../../ports/view-rebuild.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { topicsOf } from '../../shared/settings/synced.ts';
import { openParts } from '../open-parts.ts';
import { askInstance, type InstanceAnswer } from '../running-instance.ts';
import { reportFor } from '../status-report.ts';
import { screenOf, summaryLine } from '../status-screen.ts';

const WATCH_EVERY_MS = 2_000;
/** A person waits longer than a probe, so the log may read further for the first record of a partition. */
const PATIENCE_MS = 1_000;
const CLEAR_SCREEN = '\u001b[H\u001b[2J';

export async function runStatus(
  clock: Clock,
  { settings, logger, output, shutdown, host }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const { store, log, specs, close } = await openParts(settings, clock, logger);
  shutdown.defer('log and store', close);
  const reader = new StatusReader({
    log,
    store,
    clock,
    topics: topicsOf(settings).sort(),
    viewState: () => viewStateIn(store, settings.synced.domain.view),
    targets: [settings.synced.target, ...specs.map(({ name }) => name)],
    patienceMs: PATIENCE_MS,
  });
  const look = async (): Promise<{ report: StatusReport; answer: InstanceAnswer }> => {
    const [shared, asked] = await Promise.all([reader.read(), askInstance(settings)]);
    const answer = ofThisStore(asked, shared.store.ok ? shared.store.value.storeId : null);
    return {
      report: reportFor(settings.synced, shared, answer.kind === 'answered' ? answer.instance : null),
      answer,
    };
  };
  const isScreen = output.format === 'text' && host.stdout.isTTY === true;
  if (input.options.watch !== true) {
    const { report, answer } = await look();
    await output.document(report, screenOf(report, answer));
    return exitCodeOf(report);
  }
  let code: number = EXIT.ok;
  while (!shutdown.signal.aborted) {
    const { report, answer } = await look();
    code = exitCodeOf(report);
    const text = isScreen ? `${CLEAR_SCREEN}${screenOf(report, answer)}` : summaryLine(report);
    await output.row(report, text);
    await clock.sleep(WATCH_EVERY_MS, shutdown.signal);
  }
  await output.endRows();
  return code;
}

/** The record of the view; null if there is none, or if the schema is not the one of this program. */
async function viewStateIn(
  store: Pick<OpenedStore, 'toRead'>,
  view: Parameters<OpenedStore['toRead']>[0],
): Promise<ViewState | null> {
  try {
    return await (await store.toRead(view)).viewState();
  } catch (error) {
    const code = error instanceof TributaryError ? error.code : null;
    if (code === 'store_refused' || code === 'table_missing') return null;
    throw error;
  }
}

/** What answers at the port may be an order-sync of another store, whose rates say nothing about this one. */
function ofThisStore(answer: InstanceAnswer, storeId: string | null): InstanceAnswer {
  if (answer.kind !== 'answered' || !instanceOfAnotherStore(answer.instance, storeId)) return answer;
  return { kind: 'silent', url: answer.url, reason: 'The order-sync there works on another store.' };
}

function exitCodeOf({ verdict }: StatusReport): number {
  if (verdict === 'unreachable') return EXIT.unreachable;
  return verdict === 'ok' ? EXIT.ok : EXIT.partial;
}

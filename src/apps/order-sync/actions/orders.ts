import { TributaryError } from '../../../core/errors.ts';
import { listRows, type RowsFound, type RowsQuery } from '../../../pipeline/ask/list-rows.ts';
import type { Clock } from '../../../ports/clock.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { rowJson } from '../ask-json.ts';
import type { OrderAskParts } from '../ask-parts.ts';
import { type RowsGiven, rowsQueryOf, stuckGiven } from '../ask-query.ts';
import { rowLine } from '../ask-text.ts';
import { fromOptions, withAskParts } from '../asking.ts';
import { duration } from '../status-screen.ts';

const PAGE_ROWS = 500;
const FLAGS = {
  where: '--where',
  ready: '--ready',
  inFlight: '--in-flight',
  delivered: '--delivered',
  olderThan: '--older-than',
} as const;

export async function runOrders(
  clock: Clock,
  context: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const given: RowsGiven = {
    where: textsOf(input.options.where),
    status: textOf(input.options.status),
    isReady: input.options.ready === true,
    isUndelivered: input.options.notDelivered === true,
    isInFlight: input.options.inFlight === true,
    isDead: input.options.dead === true,
    isDelivered: input.options.delivered === true,
    isStuck: input.options.stuck === true,
    olderThan: textOf(input.options.olderThan),
  };
  return show(context, input, clock, given, 'No order matches.');
}

export async function runStuck(
  clock: Clock,
  context: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const given = stuckGiven(textOf(input.options.olderThan));
  return show(context, input, clock, given, 'No order is stuck.');
}

/** Prints page after page. A page may be short although others follow, so only `next` ends the list. */
async function show(
  { settings, logger, output, note, shutdown }: CommandContext<'order-sync'>,
  input: CommandInput,
  clock: Clock,
  given: RowsGiven,
  none: string,
): Promise<number> {
  const most = limitOf(input);
  return withAskParts(settings, clock, logger, async (parts) => {
    const query = fromOptions(FLAGS, () => rowsQueryOf(parts.domain.view, given));
    const counts = new Map<string, number>();
    let shown = 0;
    let waiting = 0;
    for await (const { rows, waiting: looked } of pages(
      parts,
      query,
      textOf(input.options.after) ?? null,
      most,
    )) {
      for (const row of rows) {
        await output.row(rowJson(parts.domain, row), rowLine(parts.domain.view, row));
        if (given.isStuck && row.waitsFor !== null)
          counts.set(row.waitsFor, (counts.get(row.waitsFor) ?? 0) + 1);
      }
      shown += rows.length;
      waiting += looked;
      if (shutdown.signal.aborted) break;
    }
    await output.endRows();
    const isWhole = input.options.after === undefined && !shutdown.signal.aborted;
    const younger = given.isStuck && isWhole ? youngerWaiting(waiting, query, parts) : '';
    if (shown === 0) note(`${none}${younger}`);
    if (counts.size > 0)
      note(`Waiting: ${[...counts].map(([event, orders]) => `${orders} for ${event}`).join(', ')}.`);
    return EXIT.ok;
  });
}

/** Says of orders that wait for an event, and are not shown because they wait for too short a time, how many there are. */
function youngerWaiting(
  waiting: number,
  { olderThanMs }: Pick<RowsQuery, 'olderThanMs'>,
  { stuckAfterMs }: Pick<OrderAskParts, 'stuckAfterMs'>,
): string {
  const least = duration(Math.max(stuckAfterMs, olderThanMs ?? 0) / 1_000);
  if (waiting === 0) return ' None waits for an event.';
  const wait = waiting === 1 ? '1 order waits' : `${waiting} orders wait`;
  return ` ${wait} for an event, none for longer than ${least}: see younger ones by order-sync stuck --stuck-after 1m.`;
}

async function* pages(
  parts: OrderAskParts,
  query: Omit<RowsQuery, 'after' | 'limit'>,
  from: string | null,
  most: number,
): AsyncGenerator<RowsFound> {
  let after = from;
  for (let left = most; left > 0; ) {
    const page: RowsFound = await listRows(parts, { ...query, after, limit: Math.min(PAGE_ROWS, left) });
    yield page;
    left -= page.rows.length;
    after = page.next;
    if (after === null) return;
  }
}

function limitOf({ options }: CommandInput): number {
  if (options.limit === undefined) return Number.POSITIVE_INFINITY;
  const limit = /^\d{1,12}$/.test(String(options.limit)) ? Number(options.limit) : 0;
  if (limit > 0) return limit;
  throw new TributaryError('usage', '--limit is a whole number from 1 on.');
}

function textOf(given: unknown): string | undefined {
  return typeof given === 'string' ? given : undefined;
}

/** An option that takes several values comes as a list. */
function textsOf(given: unknown): string[] {
  return Array.isArray(given) ? given.map(String) : [];
}

import { TributaryError } from '../../../core/errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import { startProgress } from '../../shared/cli/progress.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { DEFAULT_ORDERS } from '../commands/load.ts';
import { runLoad } from '../load/run.ts';
import { type LoadOptions, ordersFor, recordsFor } from '../load/stream.ts';
import { openSession } from '../session.ts';

export async function runLoadCommand(
  clock: Clock,
  context: CommandContext<'event-producer'>,
  input: CommandInput,
): Promise<number> {
  const { settings, shutdown } = context;
  const loadOptions = readLoadOptions(input, settings, clock.uuid().slice(0, 8));
  const rate = readNumber(input, 'rate', 0.001, 10_000_000);
  const session = await openSession(context, clock, input.options.createTopics === true);
  const progress = startProgress(context, { unit: 'records', total: loadOptions.count, clock });
  const result = await runLoad({
    producer: session.producer,
    load: loadOptions,
    recordsPerSecond: rate ?? null,
    appendRecordsMax: settings.batchEvents,
    clock,
    signal: shutdown.signal,
    onProgress: progress.update,
  }).finally(progress.stop);
  const { published, seconds } = result;
  const records = published.event + published.late + published.duplicate + published.malformed;
  const perSecond = Math.round(records / Math.max(seconds, 0.001));
  const summary = {
    records,
    events: published.event + published.late,
    late: published.late,
    duplicates: published.duplicate,
    malformed: published.malformed,
    orders: loadOptions.orders,
    seed: loadOptions.seed,
    seconds: Number(seconds.toFixed(3)),
    events_per_second: perSecond,
  };
  const text =
    `${records} records published to ${session.destination} in ${seconds.toFixed(1)} s (${perSecond}/s): ` +
    `${summary.events} events, ${published.late} of them late, ${published.duplicate} duplicates, ` +
    `${published.malformed} malformed, seed ${loadOptions.seed}`;
  await context.output.document(summary, text);
  await session.tellUnread();
  return EXIT.ok;
}

function readLoadOptions(
  input: CommandInput,
  settings: { readonly orderTopic: string; readonly paymentTopic: string; readonly source: string },
  newSeed: string,
): LoadOptions {
  const duplicateRate = readNumber(input, 'duplicateRate', 0, 1) ?? 0;
  const reorderRate = readNumber(input, 'reorderRate', 0, 1) ?? 0;
  const malformedRate = readNumber(input, 'malformedRate', 0, 1) ?? 0;
  if (duplicateRate + reorderRate + malformedRate >= 1) {
    throw new TributaryError(
      'usage',
      'The rates of duplicates, late and malformed records add up to 1 or more: leave room for plain events.',
    );
  }
  const badRate = duplicateRate + malformedRate;
  const givenOrders = readNumber(input, 'orders', 1, 100_000_000, true);
  const givenCount = readNumber(input, 'count', 1, 10_000_000_000, true);
  const orders = givenOrders ?? (givenCount === undefined ? DEFAULT_ORDERS : ordersFor(givenCount, badRate));
  const { seed } = input.options;
  return {
    orderTopic: settings.orderTopic,
    paymentTopic: settings.paymentTopic,
    source: input.options.plain === true ? null : settings.source,
    seed: typeof seed === 'string' ? checkSeed(seed) : newSeed,
    count: givenCount ?? recordsFor(orders, badRate),
    orders,
    duplicateRate,
    reorderRate,
    malformedRate,
    revisionRate: readNumber(input, 'revisionRate', 0, 1) ?? 0.1,
    unusualIdRate: readNumber(input, 'unusualIdRate', 0, 1) ?? 0,
  };
}

/** Checks the seed. It is part of the order ids, which have to stay short and plain. */
function checkSeed(seed: string): string {
  if (/^[A-Za-z0-9_.-]{1,64}$/.test(seed)) return seed;
  throw new TributaryError(
    'usage',
    `--seed is "${seed}": give 1 to 64 letters, digits, dots, dashes or underscores.`,
  );
}

function readNumber(
  input: CommandInput,
  option: string,
  min: number,
  max: number,
  isWhole = false,
): number | undefined {
  const given = input.options[option];
  if (typeof given !== 'string') return undefined;
  const value = Number(given);
  const isRight =
    given.trim() !== '' && value >= min && value <= max && (!isWhole || Number.isInteger(value));
  if (isRight) return value;
  const flag = option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new TributaryError(
    'usage',
    `--${flag} is "${given}": give a ${isWhole ? 'whole ' : ''}number from ${min} to ${max}.`,
  );
}

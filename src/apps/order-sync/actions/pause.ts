import { TributaryError } from '../../../core/errors.ts';
import { quoted } from '../../../core/text.ts';
import { sentenceOf } from '../../../pipeline/holds.ts';
import type { Clock } from '../../../ports/clock.ts';
import { type HoldPart, type Holds, holdOver, partName } from '../../../ports/holds.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { topicsOf } from '../../shared/settings/synced.ts';
import { decisionFrom } from '../decision.ts';
import { faultOfPart, holdJson } from '../hold-parts.ts';
import { openCommandStore, openParts } from '../open-parts.ts';

const SOON = 'Running instances follow within two seconds.';

export async function runPause(
  clock: Clock,
  { settings, logger, output }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const part = partFrom(input);
  const decision = decisionFrom(input, clock);
  const { store, log, specs, close } = await openParts(settings, clock, logger);
  try {
    const topics = topicsOf(settings);
    const targets = [settings.synced.target, ...specs.map(({ name }) => name)];
    const fault = await faultOfPart(part, { topics, targets, store, log });
    if (fault !== null) throw new TributaryError('usage', fault);
    const isNew = await store.hold(part, decision);
    const hold = holdOver(part, (await store.listHolds()).filter(isOf(part)));
    if (!isNew)
      throw new TributaryError(
        'usage',
        `${partName(part)} is paused already${hold === null ? '' : ` (${sentenceOf(hold)})`}. See order-sync holds.`,
      );
    await output.document({ part, name: partName(part), ...decision }, `Paused: ${partName(part)}. ${SOON}`);
    return EXIT.ok;
  } finally {
    await close();
  }
}

export async function runUnpause(
  clock: Clock,
  { settings, logger, output, note }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const all = input.options.all === true;
  const asked = partFrom(input);
  if (all && asked.kind !== 'ingest')
    throw new TributaryError('usage', 'Give --all, or the part whose pause ends, and not both.');
  const decision = decisionFrom(input, clock);
  const store = await openCommandStore(settings, clock, logger);
  try {
    const parts = all ? (await store.listHolds()).map(({ part }) => part) : [asked];
    for (const part of parts) {
      if (!(await store.release(part, decision)) && !all) throw await notPaused(store, part);
      const over = holdOver(part, await store.listHolds());
      const still = over === null ? '' : ` It still rests. ${sentenceOf(over)}.`;
      await output.row(
        { part, name: partName(part), ...decision },
        `No longer paused: ${partName(part)}.${still} ${SOON}`,
      );
    }
    await output.endRows();
    if (parts.length === 0) note('Nothing is paused.');
    return EXIT.ok;
  } finally {
    await store.close();
  }
}

export async function runHolds(
  clock: Clock,
  { settings, logger, output, note }: CommandContext<'order-sync'>,
): Promise<number> {
  const store = await openCommandStore(settings, clock, logger);
  try {
    const holds = await store.listHolds();
    for (const hold of holds) await output.row(holdJson(hold), sentenceOf(hold));
    await output.endRows();
    if (holds.length === 0) note('Nothing is paused.');
    return EXIT.ok;
  } finally {
    await store.close();
  }
}

const isOf = (part: HoldPart) => (hold: { readonly part: HoldPart }) =>
  partName(hold.part) === partName(part);

async function notPaused(store: Holds, part: HoldPart): Promise<TributaryError> {
  const holds = await store.listHolds();
  const over = holdOver(part, holds);
  const paused =
    holds.length === 0 ? 'nothing is' : `these are: ${holds.map((hold) => partName(hold.part)).join(', ')}`;
  const why = over === null ? paused : `it rests because ${partName(over.part)} is`;
  return new TributaryError('usage', `${partName(part)} itself is not paused: ${why}. See order-sync holds.`);
}

/** The part that the options name. Throws `usage` if they contradict each other. */
function partFrom({ options }: CommandInput): HoldPart {
  const { topic, partition, target } = options;
  if (typeof target === 'string') {
    if (topic !== undefined || partition !== undefined)
      throw new TributaryError(
        'usage',
        'Give --target, or --topic with or without --partition, and not both.',
      );
    return { kind: 'target', target };
  }
  if (typeof topic !== 'string') {
    if (partition === undefined) return { kind: 'ingest' };
    throw new TributaryError(
      'usage',
      'Give the topic of the partition by --topic, as in --topic order_events.',
    );
  }
  if (partition === undefined) return { kind: 'topic', topic };
  if (!/^\d{1,9}$/.test(String(partition)))
    throw new TributaryError(
      'usage',
      `--partition is ${quoted(String(partition))}: give its number, as in 3.`,
    );
  return { kind: 'partition', topic, partition: Number(partition) };
}

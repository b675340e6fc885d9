import { TributaryError } from '../../../core/errors.ts';
import { quoted } from '../../../core/text.ts';
import { sentenceOf } from '../../../pipeline/holds.ts';
import type { Clock } from '../../../ports/clock.ts';
import { type HoldPart, type Holds, holdOver, partName } from '../../../ports/holds.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandInput, CommandSpec } from '../../shared/cli/spec.ts';
import { SYNCED_ORDERS, topicsOf } from '../../shared/settings/synced.ts';
import { DECISION_OPTIONS, decisionFrom } from '../decision.ts';
import { faultOfPart, holdJson } from '../hold-parts.ts';
import { openCommandStore, openParts } from '../order-sync.ts';

const PART_OPTIONS = [
  ['--topic <name>', 'One topic, as in order_events (default: all ingest).'],
  ['--partition <number>', 'One partition of the topic.'],
  ['--target <name>', `One target, as in ${SYNCED_ORDERS.target}. Its due states wait in the database.`],
] as const;
const SOON = 'Running instances follow within two seconds.';

export function pauseCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'pause',
    summary:
      'Pause all ingest, one topic, one partition, or one target. Nothing is lost: it goes on where it stopped, after ' +
      '"order-sync unpause". A pause survives restarts. (A halt is another thing: "order-sync resume" ends it.)',
    options: [...PART_OPTIONS, ...DECISION_OPTIONS],
    examples: [
      [
        'order-sync pause --reason "the cluster moves tonight"',
        'Pause all ingest; targets are still sent states',
      ],
      [
        'order-sync pause --topic order_events --partition 3 --reason "a bad producer"',
        'Pause one partition',
      ],
      [
        `order-sync pause --target ${SYNCED_ORDERS.target} --reason "its database is restored"`,
        'Send nothing to one target',
      ],
    ],
    async run({ settings, logger, output }, input) {
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
        await output.document(
          { part, name: partName(part), ...decision },
          `Paused: ${partName(part)}. ${SOON}`,
        );
        return EXIT.ok;
      } finally {
        await close();
      }
    },
  };
}

export function unpauseCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'unpause',
    summary: 'End a pause: reading, or sending, goes on where it stopped.',
    options: [...PART_OPTIONS, ['--all', 'End every pause.'], ...DECISION_OPTIONS],
    examples: [
      ['order-sync unpause --reason "the cluster is back"', 'End the pause of all ingest'],
      [
        'order-sync unpause --topic order_events --partition 3 --reason "repaired"',
        'End the pause of a partition',
      ],
      ['order-sync holds', 'See first what is paused, by whom and why'],
    ],
    async run({ settings, logger, output, note }, input) {
      const all = input.options.all === true;
      const asked = partFrom(input);
      if (all && asked.kind !== 'ingest')
        throw new TributaryError('usage', 'Give --all, or the part whose pause ends, and not both.');
      const decision = decisionFrom(input, clock);
      const store = openCommandStore(settings, clock, logger);
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
    },
  };
}

export function holdsCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'holds',
    summary: 'Show what is paused, since when, by whom and why.',
    examples: [
      ['order-sync holds', 'One line for each pause'],
      ['order-sync holds --json', 'The same as JSON'],
    ],
    async run({ settings, logger, output, note }) {
      const store = openCommandStore(settings, clock, logger);
      try {
        const holds = await store.listHolds();
        for (const hold of holds) await output.row(holdJson(hold), sentenceOf(hold));
        await output.endRows();
        if (holds.length === 0) note('Nothing is paused.');
        return EXIT.ok;
      } finally {
        await store.close();
      }
    },
  };
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

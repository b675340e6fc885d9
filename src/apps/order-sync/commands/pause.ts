import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { SYNCED_ORDERS } from '../../shared/settings/synced.ts';
import { DECISION_OPTIONS } from '../decision.ts';

const PART_OPTIONS = [
  ['--topic <name>', 'One topic, as in order_events (default: all ingest).'],
  ['--partition <number>', 'One partition of the topic.'],
  ['--target <name>', `One target, as in ${SYNCED_ORDERS.target}. Its due states wait in the database.`],
] as const;

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
    run: async (context, input) => (await import('../actions/pause.ts')).runPause(clock, context, input),
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
    run: async (context, input) => (await import('../actions/pause.ts')).runUnpause(clock, context, input),
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
    run: async (context) => (await import('../actions/pause.ts')).runHolds(clock, context),
  };
}

import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';

export function explainCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'explain',
    summary:
      'Say why an order is or is not ready and where its deliveries stand, with its events and every attempt. Or show it as it was.',
    arguments: [['<id>', 'The id of the order.']],
    options: [
      ['--at <moment>', 'Its state by the events that had happened by this moment (RFC 3339).'],
      ['--as-known-at <moment>', 'Its state by the events that were journaled by this moment.'],
      ['--at-version <number>', 'Its state at this version. You may write --version.'],
      ['--diff <A..B>', 'What differs between A and B: versions, moments, known:moments or now.'],
    ],
    examples: [
      ['order-sync explain order123', 'Why it is not ready, or where its delivery stands'],
      ['order-sync explain order123 --as-known-at 2026-11-22T10:00:00Z', 'What was known of it then'],
      ['order-sync explain order123 --diff 2..now --json', 'What has changed since version 2, as JSON'],
    ],
    run: async (context, input) => (await import('../actions/explain.ts')).runExplain(clock, context, input),
  };
}

export function whatIfCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'what-if',
    summary:
      'Show what one more event would do to an order: the state it would lead to, and what would be delivered. Writes nothing.',
    arguments: [['<id>', 'The id of the order.']],
    options: [['--event <json>', 'The body of the event, as its producer would send it.']],
    examples: [
      [
        `order-sync what-if order123 --event '{"eventType":"ORDER","orderId":"order123","orderStatus":"CREATED","timestamp":"2026-11-22T10:00:00Z"}'`,
        'What the event that creates it would do',
      ],
      [
        `order-sync what-if order123 --json --event "$(cat event.json)"`,
        'The same for an event in a file, as JSON; the exit code is 1 if the event would be refused',
      ],
    ],
    run: async (context, input) => (await import('../actions/explain.ts')).runWhatIf(clock, context, input),
  };
}

import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';

export function quarantineShowCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    group: { name: 'quarantine', summary: 'Show, redrive or discard refused records.' },
    name: 'show',
    summary:
      'Show one refused record with its bytes and headers, and what the decoder of today says about it. They may be confidential.',
    arguments: [['<record>', 'Topic, partition and offset, as in order_events/3/1204.']],
    examples: [
      ['order-sync quarantine show order_events/3/1204', 'Its bytes as a text and as a hex dump'],
      ['order-sync quarantine show order_events/3/1204 --json', 'All of its bytes, in base64'],
    ],
    run: async (context, input) =>
      (await import('../actions/quarantine-show.ts')).runQuarantineShow(clock, context, input),
  };
}

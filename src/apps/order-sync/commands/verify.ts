import { DEFAULT_RATE, SAMPLE_MAX } from '../../../pipeline/verify/limits.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { SYNCED_ORDERS } from '../../shared/settings/synced.ts';

export function verifyCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'verify',
    summary:
      'Fold the journal of orders again, and compare row, version and ledger with it; with --target also what the ' +
      'target holds. Exact while order-sync runs.',
    options: [
      ['--all', 'Compare all orders. Give this or --sample.'],
      ['--sample <number>', `Compare this number of orders, chosen at random (at most ${SAMPLE_MAX}).`],
      [
        '--rate <number>',
        `Read at most this number of orders per second; 0 for no limit (default: ${DEFAULT_RATE}).`,
      ],
      ['--target <name>', `Also compare what this target holds, as in --target ${SYNCED_ORDERS.target}.`],
      ['--repair', 'Put right what differs. What a target lacks is delivered again.'],
      ['--reason <text>', 'Why it is repaired, for the audit log.'],
      ['--by <name>', 'The person who repairs (default: the user of the system).'],
    ],
    examples: [
      ['order-sync verify --sample 1000', 'Look at 1,000 orders; the exit code is 5 if one of them differs'],
      [
        `order-sync verify --all --target ${SYNCED_ORDERS.target} --repair`,
        'Compare everything and put it right; the exit code is 5 if a difference remains',
      ],
      ['order-sync verify --all --rate 0 --json', 'All orders, as fast as possible, as JSON'],
    ],
    run: async (context, input) => (await import('../actions/verify.ts')).runVerify(clock, context, input),
  };
}

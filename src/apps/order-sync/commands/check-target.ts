import type { CommandSpec } from '../../shared/cli/spec.ts';

export const EXAMPLE_URL = 'http://localhost:3001/api/orders';

/** Hands order-sync's settings to check-target, which is a tool of its own, and prints what it found. */
export function checkTargetCommand(): CommandSpec<'order-sync'> {
  return {
    name: 'check-target',
    summary:
      'Check at a running target everything that docs/being-a-target.md asks of it. Leaves test orders behind: ' +
      'their ids begin with "check-target-" and a random run id, so it can be run again and again. ' +
      'ORDER_SYNC_TARGET_SECRET (or ORDER_SYNC_TARGET_SECRET_FILE) signs the requests. The other settings ' +
      'ORDER_SYNC_TARGET_... and the proxies count as they do for order-sync.',
    arguments: [['<url>', `The URL that takes states, as in ${EXAMPLE_URL}.`]],
    options: [
      [
        '--read-side',
        'The target answers GET <url>/<order id>, so an order that is missing there is a fault.',
      ],
    ],
    examples: [
      [`order-sync check-target ${EXAMPLE_URL}`, 'Check a target that takes unsigned requests'],
      [
        'ORDER_SYNC_TARGET_SECRET_FILE=secret.txt order-sync check-target https://target.test/api/orders',
        'Check a target that verifies signatures; the file holds the whsec_ secret',
      ],
      [
        `order-sync check-target ${EXAMPLE_URL} --json`,
        'The same as JSON; the exit code is 1 if a check fails',
      ],
    ],
    run: async (context, input) =>
      (await import('../actions/check-target.ts')).runCheckTarget(context, input),
  };
}

import { expect, it } from 'vitest';
import { shipments } from '../../../examples/shipment/domain.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { commandsOf } from '../../../src/apps/order-sync/commands/index.ts';
import { runCli } from '../../../src/apps/shared/cli/cli.ts';
import { syncedOf } from '../../../src/apps/shared/settings/synced.ts';
import { fakeHost } from '../shared/cli/fake-host.ts';

const synced = syncedOf(shipments);

async function run(...argv: string[]) {
  const host = fakeHost(argv);
  const subject = { synced, invocation: synced.invocation, chosen: {} };
  const commands = commandsOf(systemClock, synced);
  await runCli({ program: 'order-sync', summary: '', examples: [], commands, subject }, host);
  return { out: host.stdout.text, error: host.stderr.text };
}

it('help names the table, the columns and the type of events of the domain', async () => {
  const out = (await run('--help')).out.replaceAll(/\s+/g, ' ');
  expect(out).toContain('(ORDER_SYNC_TABLE, default: shipments)');
  expect(out).toContain('as in shipment_id=id,place=other');
  expect(out).toContain('{"id": "{shipment_id}"}');
  expect(out).toContain('(ORDER_SYNC_TARGET_CLOUDEVENTS_TYPE, default: shipment.state)');
  expect(out).toContain('unpark [options] [shipments...]');
});

it.each([
  ['resume', 'node sync.ts resume shipment_events/3'],
  ['pause', 'One target, as in target.'],
  ['pause', '"node sync.ts unpause"'],
  ['reconcile', 'The name of the target (default: target).'],
  ['what-if', `--event '{"eventType":"PACKED","shipmentId":"ID","...":"..."}'`],
  ['keys make', 'node sync.ts keys make --name ops'],
  ['keys', 'node sync.ts keys make'],
])('help of %s has %s', async (command, text) => {
  const out = (await run(...command.split(' '), '--help')).out.replaceAll(/\s+/g, ' ');
  expect(out).toContain(text);
});

it.each([
  [
    'pause',
    'tail',
    'resume',
    'what-if',
    'verify',
    'reconcile',
    'dead-letters',
    'redrive',
    'unpark',
    'rebuild',
  ],
])('help of the commands names no topic, column or target of orders', async (...commands) => {
  for (const command of commands) {
    const { out } = await run(command, '--help');
    expect(out, command).not.toMatch(/order_events|order_id|orderId|order-mgt|payment|\borders\b/);
  }
});

it('an option with the noun of the domain leads to the one that takes the id', async () => {
  expect((await run('dead-letters', '--shipment', 'S1')).error).toContain(
    "unknown option '--shipment': the id of one shipment is given by --order.",
  );
});

it.each(['orders', 'order'])('the command %s leads to the one that lists the entities', async (word) => {
  expect((await run(word)).error).toContain('did you mean shipments? (node sync.ts shipments)');
});

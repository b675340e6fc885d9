/**
 * `npm run check:sources` writes events into an outbox table of a real MySQL, lets Debezium on Kafka Connect publish them with
 * one configuration after the other, asks `event-producer inspect` for the settings, and runs order-sync with what it says. See
 * docs/checks.md.
 */

import { startConnect } from '../services/connect.ts';
import { createDatabase, startServices } from '../services/index.ts';
import { type Figures, type RunningCheck, runCommand } from './lib/command.ts';
import { compareWithOracle } from './lib/comparison.ts';
import { endOffsets } from './lib/kafka-client.ts';
import { machine } from './lib/process-usage.ts';
import { Program, runToEnd } from './lib/programs.ts';
import { Random } from './lib/random.ts';
import { Tables } from './lib/tables.ts';
import { waitFor } from './lib/waiting.ts';
import { Oracle } from './oracle.ts';
import { configurationOf, topicsOf, VARIANTS, type Variant } from './sources/connectors.ts';
import { Outbox, type Written, writtenEvents } from './sources/outbox.ts';

const PATIENCE_MS = 120_000;
/** The binary log is on, as Debezium needs it. */
const BINLOG = {
  arguments: ['--log-bin=binlog', '--server-id=1', '--binlog-format=ROW', '--binlog-row-image=FULL'],
};

await runCommand({
  name: 'sources',
  summary:
    'Lets Debezium publish an outbox in several ways, and runs order-sync with the settings that inspect finds.',
  examples: ['npm run check:sources', 'npm run check:sources -- --only defaults --orders 50'],
  options: [
    { name: 'orders', value: 'number', fallback: '100', help: 'The number of orders' },
    { name: 'seed', value: 'number', fallback: '1', help: 'The seed of the orders' },
    { name: 'only', value: 'VARIANT', fallback: '', help: 'One way of publishing alone' },
  ],
  run,
});

async function run(check: RunningCheck): Promise<Figures> {
  const startedAt = performance.now();
  const variants = VARIANTS.filter(({ name }) => check.text('only') === '' || name === check.text('only'));
  const services = await startServices({ kafka: true, mysql: BINLOG, mariadb: true });
  check.defer(() => services.stop());
  check.progress(services.describe());
  const { brokers } = services.kafka;
  const source = await createDatabase(services.mysql.url);
  const outbox = await Outbox.make(source.url);
  check.defer(() => outbox.close());
  const events = writtenEvents(check.number('orders'), new Random(check.number('seed')));
  // The first half is there before the connectors, which read it as a snapshot.
  const half = Math.floor(events.length / 2);
  await outbox.write(events.slice(0, half));
  const connect = await startConnect(brokers, (line) => check.progress(line));
  check.defer(() => connect.stop());
  check.progress(connect.description);
  for (const [index, variant] of variants.entries())
    await connect.create(variant.name, configurationOf(variant, source.url, connect.folder, 100 + index));
  await outbox.write(events.slice(half));

  const results: Record<string, object> = {};
  let isRight = true;
  for (const variant of variants) {
    const topics = topicsOf(variant, new URL(source.url).pathname.slice(1));
    await waitFor(
      {
        what: `${events.length} records of ${variant.name}`,
        pauseMs: 250,
        timeoutMs: PATIENCE_MS,
        signal: check.signal,
      },
      async () => {
        await connect.check(variant.name);
        const count = await recordsOn(brokers, topics);
        return count >= events.length ? true : undefined;
      },
    );
    const settings = await settingsFor(check, brokers, topics);
    const target = await createDatabase(services.mariadb.url);
    const outcome = await synced(check, variant, {
      events,
      brokers,
      settings,
      topics,
      databaseUrl: target.url,
    });
    await target.drop();
    results[variant.name] = { settings, ...outcome };
    isRight &&= outcome.faults === 0;
    check.progress(`${variant.name}: ${JSON.stringify({ settings, ...outcome })}`);
  }
  return {
    variants: variants.length,
    events: events.length,
    results,
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    machine: machine(),
    ok: isRight && variants.length > 0,
  };
}

type Topics = Readonly<Record<'order' | 'payment', string>>;

async function recordsOn(brokers: readonly string[], topics: Topics): Promise<number> {
  const names = [...new Set(Object.values(topics))];
  try {
    const ends = await endOffsets(brokers, new Map(names.map((name) => [name, 1])));
    return [...ends.values()].reduce((sum, end) => sum + Number(end), 0);
  } catch {
    // The connector makes a topic when it publishes its first record there.
    return 0;
  }
}

/** The settings that `event-producer inspect` finds for the topics. */
async function settingsFor(
  check: RunningCheck,
  brokers: readonly string[],
  topics: Topics,
): Promise<Record<string, string>> {
  const found: Record<string, string> = { ORDER_TOPIC: topics.order, PAYMENT_TOPIC: topics.payment };
  for (const topic of new Set(Object.values(topics))) {
    const answer = await runToEnd('event-producer', ['inspect', topic, '--json'], {
      KAFKA_BROKERS: brokers.join(','),
    });
    const { fit, forms } = JSON.parse(answer) as {
      readonly fit: { readonly settings: Record<string, string> };
      readonly forms: readonly { readonly form: string }[];
    };
    check.progress(`${topic}: ${forms[0]?.form}`);
    Object.assign(found, fit.settings);
  }
  return found;
}

interface Place {
  readonly events: readonly Written[];
  readonly brokers: readonly string[];
  readonly settings: Readonly<Record<string, string>>;
  readonly topics: Topics;
  readonly databaseUrl: string;
}

/** Runs order-sync until it has every event, and compares with the oracle. */
async function synced(check: RunningCheck, { name }: Variant, place: Place) {
  const { events, brokers, settings, topics, databaseUrl } = place;
  const oracle = new Oracle({ order: 'order', payment: 'payment' });
  for (const { id, orderId, topic, body } of events)
    oracle.add({
      topic,
      key: Buffer.from(orderId),
      value: Buffer.from(body),
      headers: [['ce_id', Buffer.from(id)]],
    });
  const orderSync = await Program.create(check, 'order-sync', name, check.temporaryFolder(), {
    KAFKA_BROKERS: brokers.join(','),
    DATABASE_URL: databaseUrl,
    ORDER_SYNC_GROUP: name,
    ORDER_SYNC_DELIVER: 'false',
    ...settings,
  });
  orderSync.start();
  await orderSync.ready();
  const tables = new Tables(databaseUrl);
  try {
    await waitFor(
      { what: `the events of ${name}`, pauseMs: 200, timeoutMs: PATIENCE_MS, signal: check.signal },
      async () => {
        const known = (await tables.count('event_journal')) + (await tables.quarantine()).size;
        return known >= Math.min(oracle.identityCount, await recordsOn(brokers, topics)) ? true : undefined;
      },
    );
    const { lost, duplicated, divergent, bodies_different, quarantined, examples } = await compareWithOracle(
      tables,
      oracle,
      new Set(),
    );
    for (const example of examples) check.progress(`${name}: ${example}`);
    const faults = lost + duplicated + divergent + bodies_different + quarantined;
    return { lost, duplicated, divergent, bodies_different, quarantined, faults };
  } finally {
    await orderSync.stop();
    await tables.close();
  }
}

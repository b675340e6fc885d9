/**
 * `npm run check:delivery-crash` kills order-sync and order-mgt by turns, one per second, while orders change. At the end
 * the target must hold the last state of every order, and each state must have had one effect. See docs/checks.md.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDatabase, startServices } from '../services/index.ts';
import { type Figures, messageOf, type RunningCheck, runCommand } from './lib/command.ts';
import { compareTarget, compareWithOracle } from './lib/comparison.ts';
import { EVIDENCE, faultsOf, missingEvidence } from './lib/crash-evidence.ts';
import { type Delays, DeliveryWire } from './lib/delivery-wire.ts';
import { Effects } from './lib/effects.ts';
import { startEmbeddedLog } from './lib/embedded-log.ts';
import { createTopics, endOffsets, Publisher } from './lib/kafka-client.ts';
import { Killer } from './lib/killer.ts';
import { LedgerTables } from './lib/ledger-tables.ts';
import { tellRevisedStory } from './lib/order-stories.ts';
import { Program } from './lib/programs.ts';
import { Random } from './lib/random.ts';
import { Tables } from './lib/tables.ts';
import { waitFor } from './lib/waiting.ts';
import { type WorkloadOptions, workload } from './lib/workload.ts';
import { Oracle, type RawRecord, type Topics } from './oracle.ts';

const STACKS = ['kafka', 'embedded'] as const;
type Stack = (typeof STACKS)[number];

const PUBLISH_EVERY_MS = 100;
const HEAL_TIMEOUT_MS = 180_000;
const ORDER_SYNCS = 3;
const PARTITIONS = 6;
/** An order gets an event every 4 s on average. */
const REVISED_EVERY_SECONDS = 4;
/** Held requests are late by more than the deadline of a request, so a later state may reach the target first. */
const DELAYS: Delays = { share: 0.08, leastMs: 1_500, mostMs: 6_000 };

await runCommand({
  name: 'delivery-crash',
  summary:
    'Kills order-sync and order-mgt by turns under load: the target must end right, and no state may have two effects.',
  examples: [
    'npm run check:delivery-crash -- --minutes 5',
    'npm run check:delivery-crash -- --stack embedded --minutes 1 --rate 500',
  ],
  options: [
    { name: 'minutes', value: 'number', fallback: '5', help: 'Minutes of load on each stack' },
    {
      name: 'stack',
      value: 'kafka|embedded|both',
      fallback: 'both',
      help: 'Kafka with MariaDB, or neither of them',
    },
    { name: 'rate', value: 'number', fallback: '300', help: 'Events published per second' },
    { name: 'kill-every-seconds', value: 'number', fallback: '1', help: 'Pause between two SIGKILLs' },
    {
      name: 'session-timeout-ms',
      value: 'number',
      fallback: '1000',
      help: 'The session timeout of the group; brokers have a minimum',
    },
    { name: 'seed', value: 'number', fallback: '1', help: 'The same seed publishes the same records' },
  ],
  run,
});

async function run(check: RunningCheck): Promise<Figures> {
  const startedAt = performance.now();
  const chosen = check.choice('stack', ['both', ...STACKS]);
  const totals: Record<string, number> = {};
  let faults = 0;
  let evidenceMissing = 0;
  for (const stack of STACKS.filter((each) => chosen === 'both' || chosen === each)) {
    const found = await crash(check, stack);
    check.progress(`${stack}: ${JSON.stringify(found)}`);
    for (const [name, count] of Object.entries(found)) totals[name] = (totals[name] ?? 0) + count;
    for (const name of EVIDENCE) totals[`${name}_${stack}`] = found[name] ?? 0;
    const wrong = faultsOf(found);
    const missing = missingEvidence(found);
    for (const line of [...wrong, ...missing]) check.progress(`${stack}: ${line}`);
    faults += wrong.length;
    evidenceMissing += missing.length;
  }
  return {
    ...totals,
    evidence_missing: evidenceMissing,
    stack: chosen,
    minutes: check.number('minutes'),
    seed: check.number('seed'),
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    ok: faults === 0 && evidenceMissing === 0,
  };
}

interface Place {
  readonly settings: Readonly<Record<string, string>>;
  readonly databaseUrl: string;
  readonly topics: Topics;
  publish(records: readonly RawRecord[]): Promise<void>;
  /** Returns the ends of the log, by `topic/partition`; empty for the embedded log, which only the product can read. */
  ends(): Promise<ReadonlyMap<string, bigint>>;
}

async function crash(check: RunningCheck, stack: Stack): Promise<Record<string, number>> {
  const folder = check.temporaryFolder();
  const place = stack === 'kafka' ? await onKafka(check) : await embedded(folder);
  const random = new Random(check.number('seed'));
  const targetFile = join(folder, 'order-mgt.sqlite');
  const target = await Program.create(check, 'order-mgt', 'order-mgt', folder, {
    TRIBUTARY_DATA_DIR: folder,
  });
  target.start();
  await target.ready();
  const effects = new Effects(targetFile);
  const closeEffects = check.defer(() => effects.close());
  const wire = await DeliveryWire.open(target.port, ORDER_SYNCS, random, DELAYS);
  const closeWire = check.defer(() => wire.close());
  const syncs = await startOrderSyncs(check, folder, place.settings, wire.ports);
  check.progress(`${stack}: order-mgt and ${ORDER_SYNCS} order-syncs are ready`);

  const pauseMs = check.number('kill-every-seconds') * 1_000;
  const countEffects = () => effects.count();
  const killer = new Killer(check, { target, syncs, wire, pauseMs, random, countEffects });
  const killing = killer.killUntilRest();
  const oracle = await publishSteadily(check, place);
  killer.rest();
  await killing;
  check.progress(
    `${stack}: ${JSON.stringify(killer.figures())}; waiting until all events are journaled and delivered`,
  );
  const tables = new Tables(place.databaseUrl);
  const closeTables = check.defer(() => tables.close());
  const ledger = new LedgerTables(place.databaseUrl);
  const closeLedger = check.defer(() => ledger.close());
  await heal(check, tables, ledger, oracle.identityCount).catch(async (error: unknown) => {
    check.progress(`Not all events were journaled and delivered: ${messageOf(error)}`);
    for (const line of await unread(place, tables)) check.progress(line);
    for (const sync of syncs) check.progress(`The log of ${sync.label} ends:\n${sync.logTail()}`);
  });
  // Requests that the wire held back must reach the running target, which has to ignore their states.
  await wire.empty();
  for (const program of [...syncs, target]) await program.stop();

  const { examples, lost, duplicated, divergent } = await compareWithOracle(tables, oracle, new Set());
  const atTarget = new Tables(`sqlite:${targetFile}`);
  const { examples: more, target_different } = await compareTarget(atTarget, oracle);
  for (const line of [...examples, ...more]) check.progress(line);
  const figures = {
    events: oracle.identityCount,
    orders: oracle.orderCount,
    ...killer.figures(),
    ...effects.figures(),
    ...wire.figures(),
    attempts: await ledger.attemptCount(),
    lost,
    duplicated,
    divergent,
    target_different: target_different + (await differentFromView(check, tables, atTarget)),
    never_delivered: await neverDelivered(ledger, atTarget),
    ...(await ledger.counts()),
  };
  await atTarget.close();
  for (const close of [closeWire, closeEffects, closeTables, closeLedger]) await close();
  return figures;
}

async function startOrderSyncs(
  check: RunningCheck,
  folder: string,
  settings: Readonly<Record<string, string>>,
  targetPorts: readonly number[],
): Promise<Program[]> {
  const syncs: Program[] = [];
  for (const [index, port] of targetPorts.entries()) {
    const sync = await Program.create(check, 'order-sync', `order-sync-${index + 1}`, folder, {
      TRIBUTARY_DATA_DIR: folder,
      ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${port}/api/orders`,
      // The other instances must have the partitions of a killed one before the next kill.
      ORDER_SYNC_SESSION_TIMEOUT_MS: check.text('session-timeout-ms'),
      // Short pauses before retries give many attempts per minute.
      ORDER_SYNC_DELIVERY_DEADLINE_MS: '1000',
      ORDER_SYNC_DELIVERY_BACKOFF_BASE_MS: '50',
      ORDER_SYNC_DELIVERY_BACKOFF_CAP_MS: '1000',
      ORDER_SYNC_DELIVERY_MAX_ATTEMPTS: '1000',
      ...settings,
    });
    sync.start();
    syncs.push(sync);
  }
  await Promise.all(syncs.map((sync) => sync.ready()));
  return syncs;
}

async function embedded(folder: string): Promise<Place> {
  const databaseUrl = `sqlite:${join(folder, 'order-sync.sqlite')}`;
  const topics = { order: 'order_events', payment: 'payment_events' };
  return {
    settings: {},
    databaseUrl,
    topics,
    async publish(records) {
      const log = await startEmbeddedLog(folder);
      await log.append(records);
      await log.close();
    },
    ends: async () => new Map(),
  };
}

async function onKafka(check: RunningCheck): Promise<Place> {
  const services = await startServices({ kafka: { heap: '1g' }, mariadb: true });
  check.defer(() => services.stop());
  check.progress(services.describe());
  const database = await createDatabase(services.mariadb.url);
  check.defer(() => database.drop());
  const suffix = randomBytes(4).toString('hex');
  const topics = { order: `order_events_${suffix}`, payment: `payment_events_${suffix}` };
  const partitions = new Map([
    [topics.order, PARTITIONS],
    [topics.payment, PARTITIONS],
  ]);
  const { brokers } = services.kafka;
  await createTopics(brokers, partitions);
  const publisher = new Publisher(brokers, partitions);
  check.defer(() => publisher.close());
  return {
    settings: {
      KAFKA_BROKERS: brokers.join(','),
      DATABASE_URL: database.url,
      ORDER_TOPIC: topics.order,
      PAYMENT_TOPIC: topics.payment,
      ORDER_SYNC_GROUP: `check-${suffix}`,
    },
    databaseUrl: database.url,
    topics,
    async publish(records) {
      await publisher.publish(records);
    },
    ends: () => endOffsets(brokers, partitions),
  };
}

/** Publishes the workload at its rate until the time is over, and returns the oracle that knows the result. */
async function publishSteadily(check: RunningCheck, place: Place): Promise<Oracle> {
  const oracle = new Oracle(place.topics);
  const rate = check.number('rate');
  const events = Math.round(check.number('minutes') * 60 * rate);
  const startedAt = performance.now();
  let batch: RawRecord[] = [];
  let published = 0;
  const options: WorkloadOptions = {
    events,
    seed: check.number('seed'),
    topics: place.topics,
    duplicateRate: 0.1,
    lateRate: 0.1,
    malformedRate: 0,
    orders: { active: Math.ceil(rate * REVISED_EVERY_SECONDS), tell: tellRevisedStory },
  };
  for (const { record } of workload(options)) {
    if (oracle.add(record) === null) throw new Error('The workload holds a record that is no event');
    batch.push(record);
    if (batch.length < (rate * PUBLISH_EVERY_MS) / 1_000) continue;
    await place.publish(batch);
    published += batch.length;
    batch = [];
    const aheadMs = (published / rate) * 1_000 - (performance.now() - startedAt);
    if (aheadMs > 0) await sleep(aheadMs, undefined, { signal: check.signal });
  }
  if (batch.length > 0) await place.publish(batch);
  const ends = [...(await place.ends()).values()];
  const held = ends.reduce((sum, end) => sum + end, 0n);
  if (ends.length > 0 && held !== BigInt(events))
    throw new Error(`The log holds ${held} records, not the ${events} that were acknowledged`);
  return oracle;
}

/** Waits until two looks in a row find every event journaled and no delivery due. */
async function heal(
  check: RunningCheck,
  tables: Tables,
  ledger: LedgerTables,
  events: number,
): Promise<void> {
  let quiet = 0;
  const waiting = {
    what: 'all events to be journaled and delivered',
    pauseMs: 500,
    timeoutMs: HEAL_TIMEOUT_MS,
  };
  await waitFor({ ...waiting, signal: check.signal }, async () => {
    const isDone = (await tables.count('event_journal')) >= events && (await ledger.counts()).pending === 0;
    quiet = isDone ? quiet + 1 : 0;
    return quiet > 1 ? true : undefined;
  });
}

/** Lists the partitions that are not journaled to their end, as sentences. */
async function unread(place: Place, tables: Tables): Promise<string[]> {
  const checkpoints = await tables.checkpoints();
  return [...(await place.ends())].flatMap(([name, end]) => {
    const checkpoint = checkpoints.get(name) ?? 0n;
    return checkpoint === end ? [] : [`${name} is journaled up to ${checkpoint}, and ends at ${end}`];
  });
}

/** Counts the orders that differ between view and target in a column, and the ready ones that the target lacks. */
async function differentFromView(check: RunningCheck, view: Tables, target: Tables): Promise<number> {
  const held = new Map<string, string>();
  for await (const { version: _, ...columns } of target.orders())
    held.set(columns.orderId, JSON.stringify(columns));
  let different = 0;
  for await (const { version: _, ...columns } of view.orders()) {
    const wanted = JSON.stringify(columns);
    const found = held.get(columns.orderId);
    if (found === wanted || (found === undefined && columns.readyToSend !== true)) continue;
    if (++different <= 10) check.progress(`the view has ${wanted}, the target ${found}`);
  }
  return different;
}

/** Counts the orders that have a delivery in the ledger, because they were ready once, and that the target lacks. */
async function neverDelivered(ledger: LedgerTables, target: Tables): Promise<number> {
  const held = new Set<string>();
  for await (const { orderId } of target.orders()) held.add(orderId);
  return (await ledger.entities()).filter((id) => !held.has(id)).length;
}

/**
 * `npm run check:sources` lets programs of other people publish the events of an application, each in its own way, to a real
 * Kafka, asks `event-producer inspect` for the settings, and runs order-sync with what it says. See docs/checks.md.
 */

import { createDatabase, startServices } from '../services/index.ts';
import { type Figures, messageOf, type RunningCheck, runCommand, UsageError } from './lib/command.ts';
import { compareWithOracle } from './lib/comparison.ts';
import { endOffsets } from './lib/kafka-client.ts';
import { machine } from './lib/process-usage.ts';
import { Program, runToEnd } from './lib/programs.ts';
import { Random } from './lib/random.ts';
import { Tables } from './lib/tables.ts';
import { waitFor } from './lib/waiting.ts';
import { Oracle } from './oracle.ts';
import { writtenEvents } from './sources/outbox.ts';
import { Stage } from './sources/stage.ts';
import type { Published, Variant } from './sources/variant.ts';
import { VARIANTS } from './sources/variants.ts';

const PATIENCE_MS = 120_000;
/** The binary log is on, as Debezium needs it. */
const BINLOG = {
  arguments: ['--log-bin=binlog', '--server-id=1', '--binlog-format=ROW', '--binlog-row-image=FULL'],
};

await runCommand({
  name: 'sources',
  summary:
    'Lets programs of other people publish events, and runs order-sync with the settings that inspect finds.',
  examples: ['npm run check:sources', 'npm run check:sources -- --only go --orders 50'],
  options: [
    { name: 'orders', value: 'number', fallback: '100', help: 'The number of orders' },
    { name: 'seed', value: 'number', fallback: '1', help: 'The seed of the orders' },
    { name: 'only', value: 'VARIANTS', fallback: '', help: 'Some ways of publishing alone, with commas' },
  ],
  run,
});

/** What a variant has come to. */
interface Outcome {
  /** What inspect says of most records of each topic. */
  readonly forms: Readonly<Record<string, string>>;
  /** The settings that inspect prints. */
  readonly settings: Readonly<Record<string, string>>;
  /** The topics of whose records inspect says something else than it should. */
  readonly forms_wrong: number;
  /** The sum of the figures that have to be 0. */
  readonly faults: number;
}

/** A variant that did not come to its end. */
interface Failed {
  readonly error: string;
  readonly faults: 1;
}

function failedBy(error: unknown): Failed {
  return { error: messageOf(error).slice(0, 3_000), faults: 1 };
}

async function run(check: RunningCheck): Promise<Figures> {
  const startedAt = performance.now();
  const variants = wanted(check.text('only'));
  const needs = new Set(variants.flatMap((variant) => variant.needs));
  const services = await startServices({
    kafka: true,
    mariadb: true,
    ...(needs.has('connect') ? { mysql: BINLOG } : {}),
    kcat: needs.has('kcat'),
  });
  check.defer(() => services.stop());
  check.progress(services.describe());
  const events = writtenEvents(check.number('orders'), new Random(check.number('seed')));
  const stage = new Stage(check, services, events);
  await stage.open(needs);
  for (const variant of variants) await variant.prepare?.(stage);

  const results: Record<string, Outcome | Failed> = {};
  for (const variant of variants) {
    const target = await createDatabase(services.mariadb.url);
    // The other variants can be judged although this one failed.
    const outcome = await outcomeOf(stage, variant, target.url).catch(failedBy);
    await target.drop();
    check.signal.throwIfAborted();
    results[variant.name] = outcome;
    check.progress(`${variant.name}: ${JSON.stringify(outcome)}`);
  }
  return {
    variants: variants.length,
    events: events.length,
    results,
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    machine: machine(),
    ok: variants.length > 0 && Object.values(results).every(({ faults }) => faults === 0),
  };
}

function wanted(only: string): readonly Variant[] {
  if (only === '') return VARIANTS;
  return only.split(',').map((name) => {
    const found = VARIANTS.find((variant) => variant.name === name);
    if (found !== undefined) return found;
    throw new UsageError(
      `--only takes names of ${VARIANTS.map((each) => each.name).join(', ')}, not "${name}"`,
    );
  });
}

/** Publishes, asks inspect, runs order-sync, and compares. */
async function outcomeOf(stage: Stage, variant: Variant, databaseUrl: string): Promise<Outcome> {
  const { check } = stage;
  const published = await variant.publish(stage);
  const records = published.events.length + refusedBy(published);
  await waitFor(
    {
      what: `${records} records of ${variant.name}`,
      pauseMs: 250,
      timeoutMs: PATIENCE_MS,
      signal: check.signal,
    },
    async () => {
      if (variant.needs.includes('connect')) await stage.application.connect.check(variant.name);
      return (await recordsOn(stage, published)) >= records ? true : undefined;
    },
  );
  const { forms, settings } = await inspected(stage, published);
  const figures = await synced(stage, variant, published, settings, databaseUrl);
  const forms_wrong = Object.values(forms).filter((form) => !variant.form.test(form)).length;
  return { forms, settings, ...figures, forms_wrong, faults: figures.faults + forms_wrong };
}

function refusedBy({ refused = {} }: Published): number {
  return Object.values(refused).reduce((sum, count) => sum + count, 0);
}

async function recordsOn({ brokers }: Stage, { topics, partitions = 1 }: Published): Promise<number> {
  const names = [...new Set(Object.values(topics))];
  try {
    const ends = await endOffsets(brokers, new Map(names.map((name) => [name, partitions])));
    return [...ends.values()].reduce((sum, end) => sum + Number(end), 0);
  } catch {
    // The connector makes a topic when it publishes its first record there.
    return 0;
  }
}

/** What `event-producer inspect` says of the topics, and the settings that it finds. */
async function inspected(
  { brokers }: Stage,
  { topics, settings: given = {} }: Published,
): Promise<Pick<Outcome, 'forms' | 'settings'>> {
  const settings: Record<string, string> = { ORDER_TOPIC: topics.order, PAYMENT_TOPIC: topics.payment };
  const forms: Record<string, string> = {};
  for (const topic of new Set(Object.values(topics))) {
    const answer = await runToEnd('event-producer', ['inspect', topic, '--json'], {
      KAFKA_BROKERS: brokers.join(','),
      ...given,
    });
    const { fit, forms: found } = JSON.parse(answer) as {
      readonly fit: { readonly settings: Record<string, string> };
      readonly forms: readonly { readonly form: string }[];
    };
    forms[topic] = found[0]?.form ?? 'nothing';
    Object.assign(settings, fit.settings);
  }
  return { forms, settings };
}

/** Runs order-sync until it has every event, and compares with the oracle. */
async function synced(
  stage: Stage,
  { name }: Variant,
  published: Published,
  settings: Readonly<Record<string, string>>,
  databaseUrl: string,
) {
  const { check, brokers } = stage;
  const oracle = oracleOf(published);
  const orderSync = await Program.create(check, 'order-sync', name, check.temporaryFolder(), {
    KAFKA_BROKERS: brokers.join(','),
    DATABASE_URL: databaseUrl,
    ORDER_SYNC_GROUP: name,
    ORDER_SYNC_DELIVER: 'false',
    ...published.settings,
    ...settings,
  });
  orderSync.start();
  await orderSync.ready();
  const tables = new Tables(databaseUrl);
  try {
    const records = await recordsOn(stage, published);
    await waitFor(
      { what: `the events of ${name}`, pauseMs: 200, timeoutMs: PATIENCE_MS, signal: check.signal },
      async () => {
        const checkpoints = [...(await tables.checkpoints()).values()];
        return checkpoints.reduce((sum, next) => sum + Number(next), 0) >= records ? true : undefined;
      },
    );
    const refusals = await refusedRecords(tables, published);
    const compared = await compareWithOracle(tables, oracle, refusals.places);
    for (const example of [...compared.examples, ...refusals.examples]) check.progress(`${name}: ${example}`);
    const { lost, duplicated, divergent, bodies_different } = compared;
    const { quarantined, quarantine_wrong } = refusals;
    const faults = lost + duplicated + divergent + bodies_different + quarantine_wrong;
    return { lost, duplicated, divergent, bodies_different, quarantined, quarantine_wrong, faults };
  } finally {
    await orderSync.stop();
    await tables.close();
  }
}

function oracleOf({ events }: Published): Oracle {
  const oracle = new Oracle({ order: 'order', payment: 'payment' });
  for (const { id, orderId, topic, body } of events) {
    const fact = oracle.add({
      topic,
      key: Buffer.from(orderId),
      value: Buffer.from(body),
      headers: id === null ? [] : [['ce_id', Buffer.from(id)]],
    });
    if (fact === null) throw new Error(`The check expects a body that is no event: ${body}`);
  }
  return oracle;
}

/** Compares quarantine with the records that it has to hold, by their reasons. */
async function refusedRecords(tables: Tables, { refused = {} }: Published) {
  const reasons: Record<string, number> = {};
  const found = await tables.refusals();
  for (const said of found.values()) {
    const reason = said.split(':')[0] ?? '';
    reasons[reason] = (reasons[reason] ?? 0) + 1;
  }
  const all = new Set([...Object.keys(reasons), ...Object.keys(refused)]);
  const wrong = [...all].reduce(
    (sum, reason) => sum + Math.abs((reasons[reason] ?? 0) - (refused[reason] ?? 0)),
    0,
  );
  const examples = wrong === 0 ? [] : [...found].slice(0, 5).map(([place, said]) => `${place} ${said}`);
  return { places: new Set(found.keys()), quarantined: found.size, quarantine_wrong: wrong, examples };
}

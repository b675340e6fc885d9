/**
 * `npm run check:cases` publishes records of real producers to a real Kafka, lets order-sync read them into a real database,
 * first without settings and then with those that help, and compares what became of each record with what is right. See
 * docs/checks.md.
 */
import { join } from 'node:path';
import type { Case, CaseEvent } from '../cases/cases.ts';
import { createDatabase, startServices } from '../services/index.ts';
import { type FiledRecord, identityOf, knownCases, recordsIn } from './cases/files.ts';
import { type Figures, type RunningCheck, runCommand } from './lib/command.ts';
import { createTopics, Publisher, placeName } from './lib/kafka-client.ts';
import { machine } from './lib/process-usage.ts';
import { Program, runToEnd } from './lib/programs.ts';
import { Tables } from './lib/tables.ts';
import { waitFor } from './lib/waiting.ts';

const PATIENCE_MS = 60_000;
/** The number of runs so far. Each has topics of its own. */
let runs = 0;

await runCommand({
  name: 'cases',
  summary: 'Publishes records of real producers, and compares what becomes of each with what is right.',
  examples: ['npm run check:cases', 'npm run check:cases -- ../my-records --database mysql'],
  words:
    'FOLDER ...                          Folders or files of .ndjson records (default: test/cases/records)',
  options: [
    { name: 'database', value: 'mariadb|mysql', fallback: 'mariadb', help: 'The database of order-sync' },
    { name: 'only', value: 'TEXT', fallback: '', help: 'Leaves out files whose names do not contain it' },
  ],
  run,
});

/** What became of a record: the event, or the reason and the detail. */
type Outcome = { readonly event: Omit<CaseEvent, 'occurredAt'> } | { readonly refused: string };

interface Filed {
  readonly filed: FiledRecord;
  readonly known: Case | null;
}

interface Place {
  readonly brokers: readonly string[];
  readonly serverUrl: string;
  readonly folder: string;
}

async function run(check: RunningCheck): Promise<Figures> {
  const startedAt = performance.now();
  const places = check.words.length > 0 ? check.words : [join(import.meta.dirname, '..', 'cases', 'records')];
  const known = knownCases();
  const only = check.text('only');
  const records = recordsIn(places)
    .filter(({ file }) => file.includes(only))
    .map((filed): Filed => ({ filed, known: known.get(identityOf(filed)) ?? null }));
  const services = await startServices({
    kafka: true,
    [check.choice('database', ['mariadb', 'mysql'])]: true,
  });
  check.defer(() => services.stop());
  check.progress(services.describe());
  const serverUrl = services[check.choice('database', ['mariadb', 'mysql'])].url;
  const place = { brokers: services.kafka.brokers, serverUrl, folder: check.temporaryFolder() };

  const plain = await outcomesOf(check, place, records, {});
  const helped = new Map<Filed, Outcome>();
  for (const [settings, group] of bySettings(records)) {
    const outcomes = await outcomesOf(check, place, group, JSON.parse(settings) as Record<string, string>);
    for (const [record, outcome] of outcomes) helped.set(record, outcome);
  }
  const wrong = records.flatMap((record) => faultsOf(record, plain, helped));
  for (const line of wrong) check.progress(`wrong: ${line}`);
  table(check, records, plain, helped);
  const strangers = records.filter(({ known: one }) => one === null);
  const found = await inspected(check, place, strangers);

  const count = (some: readonly Filed[], isEvent: boolean) =>
    some.filter((record) => 'event' in (plain.get(record) as Outcome) === isEvent).length;
  return {
    records: records.length,
    known: records.length - strangers.length,
    unknown: strangers.length,
    events: count(records, true),
    refused: count(records, false),
    events_with_settings: [...helped.values()].filter((outcome) => 'event' in outcome).length,
    unknown_events: count(strangers, true),
    unknown_events_with_settings: found,
    wrong: wrong.length,
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    database: check.text('database'),
    machine: machine(),
    ok: wrong.length === 0 && records.length > 0,
  };
}

/** The known records that settings help, by these settings as JSON. */
function bySettings(records: readonly Filed[]): Map<string, Filed[]> {
  const groups = new Map<string, Filed[]>();
  for (const record of records) {
    if (record.known?.helped == null) continue;
    const settings = JSON.stringify(record.known.helped.settings);
    groups.set(settings, [...(groups.get(settings) ?? []), record]);
  }
  return groups;
}

/** Publishes the records to topics of their own, lets order-sync read all of them, and says what became of each. */
async function outcomesOf(
  check: RunningCheck,
  place: Place,
  records: readonly Filed[],
  settings: Readonly<Record<string, string>>,
): Promise<Map<Filed, Outcome>> {
  const label = `cases-${++runs}`;
  check.progress(`${records.length} records with ${JSON.stringify(settings)}`);
  const names = { orders: `${label}-orders`, payments: `${label}-payments` };
  const partitions = new Map(Object.values(names).map((name) => [name, 1]));
  await createTopics(place.brokers, partitions);
  const publisher = new Publisher(place.brokers, partitions);
  const offsets = new Map<string, Filed>();
  try {
    for (const record of records) {
      const { kind, key, value, headers } = record.filed;
      const [written] = await publisher.publish([{ topic: names[kind], key, value, headers }]);
      if (written === undefined) throw new Error('The broker acknowledged no record');
      offsets.set(placeName(written.topic, written.partition, written.offset), record);
    }
  } finally {
    await publisher.close();
  }
  const database = await createDatabase(place.serverUrl);
  const drop = check.defer(() => database.drop());
  const orderSync = await Program.create(check, 'order-sync', label, place.folder, {
    KAFKA_BROKERS: place.brokers.join(','),
    DATABASE_URL: database.url,
    ORDER_SYNC_GROUP: label,
    ORDER_SYNC_DELIVER: 'false',
    ORDER_TOPIC: names.orders,
    PAYMENT_TOPIC: names.payments,
    ...named(settings, names),
  });
  orderSync.start();
  await orderSync.ready();
  const tables = new Tables(database.url);
  try {
    return await waitFor(
      { what: `${records.length} verdicts`, pauseMs: 100, timeoutMs: PATIENCE_MS, signal: check.signal },
      async () => {
        const outcomes = await readOutcomes(tables, offsets);
        return outcomes.size === records.length ? outcomes : undefined;
      },
    );
  } finally {
    await orderSync.stop();
    await tables.close();
    await drop();
  }
}

/** The settings with the actual names of the topics, which cases call `orders` and `payments`. */
function named(
  settings: Readonly<Record<string, string>>,
  names: Readonly<Record<'orders' | 'payments', string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [
      name,
      name.endsWith('_TOPIC') ? names[value as 'orders' | 'payments'] : value,
    ]),
  );
}

/** What became of each record: an event that the journal has, a record in quarantine, or an event that it had before. */
async function readOutcomes(
  tables: Tables,
  offsets: ReadonlyMap<string, Filed>,
): Promise<Map<Filed, Outcome>> {
  const outcomes = new Map<Filed, Outcome>();
  for await (const { topic, partition, offset, entityId, eventId, data } of tables.journal()) {
    const record = offsets.get(placeName(topic, partition, offset));
    if (record !== undefined) outcomes.set(record, { event: { entityId, eventId, data } });
  }
  for (const [at, refused] of await tables.refusals()) {
    const record = offsets.get(at);
    if (record !== undefined) outcomes.set(record, { refused });
  }
  return outcomes;
}

/** What is wrong with a known record, as lines. */
function faultsOf(
  record: Filed,
  plain: ReadonlyMap<Filed, Outcome>,
  helped: ReadonlyMap<Filed, Outcome>,
): string[] {
  const { known, filed } = record;
  if (known === null) return [];
  const faults: string[] = [];
  const given = refusalOf(plain.get(record) as Outcome);
  const wanted = known.refused === null ? null : topicFree(known.refused);
  if (given !== wanted)
    faults.push(`${filed.file}, ${filed.note}: gives ${given ?? 'an event'}, not ${wanted ?? 'an event'}`);
  const outcome = helped.get(record);
  if (outcome === undefined || known.helped === null) return faults;
  const { gives } = known.helped;
  const isRight =
    typeof gives === 'string' || 'refused' in outcome
      ? refusalOf(outcome) === (typeof gives === 'string' ? topicFree(gives) : null)
      : (['entityId', 'eventId', 'data'] as const).every((name) => outcome.event[name] === gives[name]);
  if (!isRight)
    faults.push(`${filed.file}, ${filed.note}: with settings it gives ${JSON.stringify(outcome)}`);
  return faults;
}

function refusalOf(outcome: Outcome): string | null {
  return 'refused' in outcome ? topicFree(outcome.refused) : null;
}

/** The names of topics differ from run to run. */
function topicFree(refusal: string): string {
  return refusal.replace(/belong on topic .*/, 'belong on topic another.');
}

/** Writes one line for each file. */
function table(
  check: RunningCheck,
  records: readonly Filed[],
  plain: ReadonlyMap<Filed, Outcome>,
  helped: ReadonlyMap<Filed, Outcome>,
): void {
  const files = [...new Set(records.map(({ filed }) => filed.file))];
  for (const file of files) {
    const some = records.filter(({ filed }) => filed.file === file);
    const reasons = new Map<string, number>();
    for (const record of some) {
      const refusal = refusalOf(plain.get(record) as Outcome)?.split(':')[0];
      if (refusal !== undefined) reasons.set(refusal, (reasons.get(refusal) ?? 0) + 1);
    }
    const taken = some.filter(
      (record) => helped.get(record) !== undefined && 'event' in (helped.get(record) as Outcome),
    );
    const refused = [...reasons].map(([reason, count]) => `${count} ${reason}`).join(', ') || 'none';
    const events = some.length - [...reasons.values()].reduce((sum, count) => sum + count, 0);
    check.progress(
      `${file}: ${some.length} records, ${events} events; refused: ${refused}; with settings ${taken.length} of these events`,
    );
  }
}

/** Lets `event-producer inspect` look at records that nobody has judged yet, file by file. Resolves with the events it finds. */
async function inspected(check: RunningCheck, place: Place, strangers: readonly Filed[]): Promise<number> {
  let found = 0;
  for (const file of new Set(strangers.map(({ filed }) => filed.file))) {
    const topic = `inspected-${++runs}`;
    await createTopics(place.brokers, new Map([[topic, 1]]));
    const publisher = new Publisher(place.brokers, new Map([[topic, 1]]));
    const some = strangers.filter(({ filed }) => filed.file === file);
    await publisher.publish(
      some.map(({ filed: { key, value, headers } }) => ({ topic, key, value, headers })),
    );
    await publisher.close();
    const answer = await runToEnd('event-producer', ['inspect', topic, '--json'], {
      KAFKA_BROKERS: place.brokers.join(','),
    });
    const { fit } = JSON.parse(answer) as { fit: { accepted: number; settings: Record<string, string> } };
    found += fit.accepted;
    check.progress(
      `${file}, not known: ${fit.accepted} of ${some.length} events with ${JSON.stringify(fit.settings)}`,
    );
  }
  return found;
}

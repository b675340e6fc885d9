/** Records that are refused: which, why, and how they get back in once the decoder takes them. */
import { created, cut, payment, withoutKey } from '../events.ts';
import type { Stage, Told } from '../stage.ts';
import { attentionKinds, type Status } from './status.ts';

interface Refused {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string | number;
  readonly reason: string;
  readonly settled: { readonly as?: string; readonly settledAs?: string } | null;
}

const placesOf = (records: readonly Refused[]) =>
  records.map(({ topic, partition, offset, reason }) => `${topic}/${partition}/${offset} ${reason}`);

/** The producer's mistake that is mended, and the records that nobody wants. */
export const REDRIVEN_BECAUSE = 'records without keys are taken now';
export const DISCARDED_BECAUSE = 'cut by a proxy, and sent again';

export async function playRefusals(stage: Stage): Promise<void> {
  const { place, desk } = stage;
  const { topics } = place;
  const keyless = ['keyless-1', 'keyless-2', 'keyless-3'];
  const records = [
    ...keyless.map((id) => withoutKey(created(topics, id))),
    ...['cut-1', 'cut-2'].map((id) => cut(payment(topics, id, 'PAYMENT_AUTHORIZED', 1))),
  ];
  const told = await stage.tell(records);
  await stage.freshStatus();
  const reasonOf = (index: number) => (index < keyless.length ? 'key_missing' : 'json_invalid');
  const refused = told.map((at, index) => ({ ...at, reason: reasonOf(index) })).sort(byPlace);
  const named = refused.map(
    ({ topic, partition, offset, reason }) => `${topic}/${partition}/${offset} ${reason}`,
  );

  await desk.ask({
    what: 'is all well, and if not, why?',
    command: ['status'],
    exitCode: 5,
    path: '/status',
    pick: (status: Status) => [
      status.verdict,
      attentionKinds(status),
      status.quarantine.map(({ topic, reason, records: count }) => `${topic} ${reason} ${count}`).sort(),
    ],
    expected: [
      'needs_attention',
      ['quarantine'],
      [`${topics.order} key_missing 3`, `${topics.payment} json_invalid 2`],
    ],
  });
  await desk.ask({
    what: 'what was refused, and why?',
    command: ['quarantine'],
    path: '/quarantine',
    pick: placesOf,
    expected: named,
  });
  await desk.ask({
    what: 'what was refused for its JSON?',
    command: ['quarantine', '--reason', 'json_invalid'],
    path: '/quarantine?reason=json_invalid',
    pick: placesOf,
    expected: named.filter((name) => name.endsWith('json_invalid')),
  });
  for (const [index, record] of records.entries()) {
    const { topic, partition, offset } = told[index] as Told;
    await desk.ask({
      what: `what is in the refused record ${index + 1}?`,
      command: ['quarantine', 'show', `${topic}/${partition}/${offset}`],
      path: `/quarantine/${topic}/${partition}/${offset}`,
      pick: ([shown]: ShownRecord[]) => [shown?.key?.base64 ?? null, shown?.value?.base64, shown?.reason],
      expected: [record.key?.toString('base64') ?? null, record.value?.toString('base64'), reasonOf(index)],
    });
  }

  await stage.restart({ ORDER_SYNC_ACCEPT_MISSING_KEYS: 'true' });
  await stage.readyz(200);
  const dry = (await desk.decide(['quarantine', 'redrive', '--all', '--dry-run', '--wait'])) as Job;
  const counts = ({ progress: { matched = 0, passed = 0 } }: Job) => ({ matched, passed });
  desk.know('how many of them would pass today? (command)', counts(dry), { matched: 5, passed: 3 });
  const dryByApi = await jobByApi(stage, '/quarantine:redrive', { filter: {}, dryRun: true });
  desk.know('how many of them would pass today? (API)', counts(dryByApi), { matched: 5, passed: 3 });
  const redriven = (await desk.decide([
    ...['quarantine', 'redrive', '--refused-for', 'key_missing', '--wait'],
    ...['--reason', REDRIVEN_BECAUSE, '--by', 'ana'],
  ])) as Job;
  desk.know('how many got back in?', redriven.progress.redriven, 3);
  for (const id of keyless)
    await desk.ask({
      what: `is the order ${id} there now?`,
      command: ['explain', id],
      path: `/orders/${id}/explain`,
      pick: ({ version, ready }: { version: number; ready: boolean }) => ({ version, ready }),
      expected: { version: 1, ready: false },
    });
  const discarded = await desk.decideByApi('/quarantine:discard', {
    filter: { reason: 'json_invalid' },
    reason: DISCARDED_BECAUSE,
  });
  desk.know('how many were discarded?', discarded.discarded, 2);
  await desk.ask({
    what: 'what is still refused?',
    command: ['quarantine'],
    path: '/quarantine',
    pick: placesOf,
    expected: [],
  });
  await desk.ask({
    what: 'what became of what was refused?',
    command: ['quarantine', '--settled'],
    path: '/quarantine?state=settled',
    pick: (rows: readonly Refused[]) => placesOf(rows),
    expected: named,
  });
  await desk.ask({
    what: 'is all well again?',
    command: ['status'],
    path: '/status',
    pick: (status: Status) => [status.verdict, attentionKinds(status), status.lag.messages],
    expected: ['ok', [], 0],
  });
}

interface ShownRecord {
  readonly reason: string;
  readonly key: { readonly base64: string } | null;
  readonly value: { readonly base64: string } | null;
}

export interface Job {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly dryRun: boolean;
  readonly reason: string;
  readonly requestedBy: string;
  readonly progress: {
    readonly matched?: number;
    readonly passed?: number;
    readonly redriven?: number;
    readonly differences?: number;
    readonly remaining?: number;
    readonly read?: number;
  };
}

/** Asks for a job over HTTP, and waits for its end. */
export async function jobByApi({ desk, freshStatus }: Stage, path: string, body: object): Promise<Job> {
  const { id } = (await desk.decideByApi(path, body)) as unknown as Job;
  for (let tries = 0; tries < 60; tries++) {
    const { answer } = await desk.request(`/jobs/${id}`);
    if ((answer as Job).state === 'done') return answer as Job;
    await freshStatus();
  }
  throw new Error(`The job ${id} does not end`);
}

function byPlace(left: Told, right: Told): number {
  if (left.topic !== right.topic) return left.topic < right.topic ? -1 : 1;
  return left.partition - right.partition || Number(left.offset - right.offset);
}

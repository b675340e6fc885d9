/** Calls of operators, of job workers and of the loops beside ingest and delivery. */
import type { HoldPart } from '../../../src/ports/holds.ts';
import type { JobKind } from '../../../src/ports/jobs.ts';
import type { QuarantineFilter, QuarantineKey } from '../../../src/ports/quarantine.ts';
import type { SweepResult } from '../../../src/ports/sweeps.ts';
import type { Random } from '../lib/random.ts';
import { auditEntry, holds, senders, storeId, without } from './normal.ts';
import {
  ALL,
  decision,
  kind,
  LEASE_MS,
  PARTITIONS,
  pickOrNull,
  type StoreCaller,
  some,
  TARGETS,
  TOPICS,
} from './store-caller.ts';
import { drawFilter } from './store-deliveries.ts';

const JOB_KINDS: readonly JobKind[] = ['redrive', 'quarantine_redrive', 'verify', 'rebuild'];
const PARTS: readonly HoldPart[] = [
  { kind: 'ingest' },
  ...TOPICS.map((topic) => ({ kind: 'topic', topic }) as const),
  ...PARTITIONS.map((partition) => ({ kind: 'partition', ...partition }) as const),
  ...TARGETS.map((target) => ({ kind: 'target', target }) as const),
];
const OUTCOMES = ['complete', 'gave_up', 'not_offered', 'failed'] as const;

export const jobKinds = [
  kind('createJob', 4, async (caller, { store, random }) => {
    const filter = without(drawFilter(caller, random), 'status');
    const job = {
      jobId: caller.newName('job'),
      kind: random.pick([...JOB_KINDS, 'redrive', 'redrive', 'redrive', 'quarantine_redrive'] as const),
      parameters: { filter: { ...filter, status: null }, 'é"': '😀' },
      isDryRun: random.chance(0.2),
      requestedBy: 'José',
      reason: 'Because.',
      createdAtMs: caller.clock.now() - random.below(2),
    };
    await caller.ask('createJob', job, () => store.createJob(job));
    caller.jobs.push(job);
  }),
  kind('claimJob', 5, async (caller, { store, random, by, ...drawing }) => {
    const passesOver = random.chance(0.2)
      ? some({ random, by, ...drawing }, caller.jobs).map(({ jobId }) => jobId)
      : undefined;
    const created = random.chance(0.8) ? pickOrNull(random, caller.jobs) : null;
    const claim = {
      kind: created?.kind ?? random.pick(JOB_KINDS),
      claimant: `worker ${by}`,
      leaseMs: LEASE_MS,
      ...(passesOver === undefined ? {} : { passesOver }),
    };
    const job = await caller.ask('claimJob', claim, () => store.claimJob(claim));
    if (job !== null) caller.working[by] = job.jobId;
  }),
  kind('work on a job', 8, async (caller, { store, random, by }) => {
    const jobId = random.chance(0.8)
      ? (caller.working[by] ?? null)
      : (pickOrNull(random, caller.jobs)?.jobId ?? null);
    if (jobId === null) return;
    const claim = { claimant: `worker ${random.chance(0.9) ? by : 1 - by}`, leaseMs: LEASE_MS, jobId };
    const step = random.pick(['save', 'renew', 'rest', 'redrive', 'redrive'] as const);
    if (step === 'save') {
      // The store itself works off a redrive, so it has to understand the place.
      const isRedrive = caller.jobs.some((job) => job.jobId === jobId && job.kind === 'redrive');
      const place = isRedrive || random.chance(0.3) ? null : { after: `é ${random.below(9)}` };
      const state = random.chance(0.3) ? 'done' : 'running';
      const save = { ...claim, state, progress: { matched: random.below(9), redriven: 0 }, place } as const;
      await caller.ask('saveJob', save, () => store.saveJob(save));
    } else if (step === 'renew') {
      await caller.ask('renewJob', claim, () => store.renewJob(claim));
    } else if (step === 'rest') {
      const rest = { claimant: claim.claimant, jobId, restMs: random.pick([1_000, 30_000]) };
      await caller.ask('restJob', rest, () => store.restJob(rest));
    } else {
      if ((await store.readJob(jobId))?.kind !== 'redrive') return;
      const redrive = { ...claim, limit: 1 + random.below(3) };
      await caller.ask('stepRedrive', redrive, () => store.stepRedrive(redrive));
    }
  }),
  kind('cancelJob', 1, async (caller, { store, random }) => {
    const cancel = { ...decision(caller), jobId: pickOrNull(random, caller.jobs)?.jobId ?? 'no job' };
    await caller.ask('cancelJob', cancel, () => store.cancelJob(cancel));
  }),
  kind('read jobs', 2, async (caller, { store, random }) => {
    const jobId = pickOrNull(random, caller.jobs)?.jobId ?? 'no job';
    const job = await caller.ask('readJob', jobId, () => store.readJob(jobId));
    const after = job === null || random.chance(0.5) ? null : { createdAtMs: job.createdAtMs, jobId };
    const page = { after, limit: random.pick([1, 2, ALL]) };
    await caller.ask('listJobs', page, () => store.listJobs(page));
  }),
  kind('redrive quarantined records', 4, async (caller, { store, random, by, ...drawing }) => {
    const jobId = caller.working[by] ?? null;
    if (jobId === null || (await store.readJob(jobId))?.kind !== 'quarantine_redrive') return;
    const keys = some({ random, by, ...drawing }, newest(caller.quarantined), 0, 3).map(keyOfRecord);
    const passed = keys.filter(() => random.chance(0.5));
    const refused = keys
      .filter((key) => !passed.includes(key))
      .map((key) => ({ ...key, reason: 'schema_invalid', detail: 'It’s refused again.' }));
    const job = {
      claimant: `worker ${random.chance(0.9) ? by : 1 - by}`,
      leaseMs: LEASE_MS,
      jobId,
      state: 'running',
      progress: { passed: passed.length },
      place: { after: random.below(9) },
    } as const;
    const redrive = {
      passed,
      settlement: { ...decision(caller), settledAs: 'redriven' } as const,
      refused,
      job,
    };
    const mode = random.chance(0.5) ? 'optimistic' : 'locking';
    await caller.ask('commit', { mode, redrive }, () =>
      store.commit({
        moves: [],
        quarantined: [],
        entityIds: [],
        mode,
        plan: async () => [],
        redrive: () => redrive,
      }),
    );
  }),
];

export const operatorKinds = [
  kind('holds', 4, async (caller, { store, random }) => {
    const part = random.pick(random.chance(0.6) ? PARTS.slice(0, 2) : PARTS);
    const decided = decision(caller);
    if (random.chance(0.6)) await caller.ask('hold', [part, decided], () => store.hold(part, decided));
    else await caller.ask('release', [part, decided], () => store.release(part, decided));
    await caller.ask('listHolds', null, () => store.listHolds(), holds);
  }),
  kind('audit', 3, async (caller, { store, random }) => {
    const entry = {
      ...decision(caller),
      action: 'rows_repaired',
      subject: 'é '.repeat(random.below(3)),
      details: { entityIds: ['a', 'A'], 'x"': [null, 1.5, '😀'] },
    } as const;
    if (random.chance(0.6)) await caller.ask('addAudit', entry, () => store.addAudit(entry));
    const place = random.chance(0.5) ? null : pickOrNull(random, caller.audits);
    const [after, limit] = [place === null ? null : BigInt(place), random.pick([1, 2, ALL])];
    const asked = {
      after: place === null ? null : caller.audits.length - caller.audits.indexOf(place),
      limit,
    };
    const listed = await caller.ask(
      'listAudit',
      asked,
      () => store.listAudit({ after, limit }),
      (entries) => entries.map(auditEntry),
    );
    for (const { auditId } of [...(listed ?? [])].reverse()) {
      if (auditId > (caller.audits.at(-1) ?? -1n)) caller.audits.push(auditId);
    }
  }),
  kind('quarantine', 6, async (caller, { store, random }) => {
    const filter = drawQuarantineFilter(random);
    const after = random.chance(0.6) ? null : pickOrNull(random, caller.quarantined);
    const page = {
      ...filter,
      after: after === null ? null : keyOfRecord(after),
      limit: random.pick([1, 2, ALL]),
      state: random.pick(['open', 'settled', 'all', undefined] as const),
    };
    await caller.ask('readQuarantine', page, () => store.readQuarantine(page));
    const key = random.pick([
      Uint8Array.of(),
      Uint8Array.of(0x00, 0x80),
      Buffer.from('key'),
      Buffer.from('KEY'),
    ]);
    const search = {
      topic: random.pick(TOPICS),
      key,
      lookMax: random.pick([1, 2, ALL]),
      limit: random.pick([1, ALL]),
    };
    await caller.ask('findOpenByKey', search, () => store.findOpenByKey(search));
  }),
  kind('discardQuarantined', 2, async (caller, { store, random }) => {
    const discard = {
      ...decision(caller),
      filter: drawQuarantineFilter(random),
      limit: random.pick([1, 2, ALL]),
    };
    await caller.ask('discardQuarantined', discard, () => store.discardQuarantined(discard));
  }),
  kind('counts', 4, async (caller, { store, random }) => {
    await caller.ask('counts', null, () => store.counts());
    await caller.ask('refusedCounts', null, () => store.refusedCounts());
    const question = {
      targets: random.shuffled(TARGETS),
      nowMs: caller.clock.now(),
      ...(random.chance(0.3) ? { countMax: 1 + random.below(3) } : {}),
    };
    if (question.countMax === undefined)
      await caller.ask('readOverview', question, () => store.readOverview(question));
    await caller.ask('health', null, () => store.health());
  }),
  kind('senders', 2, async (caller, { store, random }) => {
    const [target, sender] = [random.pick(TARGETS), random.pick(['one', 'ONE', 'two'])];
    if (random.chance(0.6))
      await caller.ask('noteSender', [target, sender], () => store.noteSender(target, sender));
    if (random.chance(0.3))
      await caller.ask('forgetSender', [target, sender], () => store.forgetSender(target, sender));
    await caller.ask('readSenders', target, () => store.readSenders(target), senders);
  }),
  kind('sweeps', 4, async (caller, { store, random, by }) => {
    const target = random.pick(TARGETS);
    const claimant = `sweeper ${by}`;
    const read = await caller.ask('readSweep', target, () => store.readSweep(target));
    const waitsSinceMs = random.chance(0.8) ? (read?.waitsSinceMs ?? 0) : caller.waitsSinceMs;
    caller.waitsSinceMs = waitsSinceMs;
    const claim = { target, claimant, waitsSinceMs, leaseMs: LEASE_MS };
    if (random.chance(0.7)) await caller.ask('claimSweep', claim, () => store.claimSweep(claim));
    const end = { target, claimant, result: random.chance(0.3) ? null : drawSweep(caller, random) };
    if (random.chance(0.4)) await caller.ask('endSweep', end, () => store.endSweep(end));
  }),
  kind('identity', 1, async (caller, { store }) => {
    await caller.ask('storeId', null, () => store.storeId(), storeId);
    const taken = { ...decision(caller), group: 'é', formerStore: null };
    await caller.ask('noteGroupTaken', taken, () => store.noteGroupTaken(taken));
  }),
];

function newest(keys: readonly QuarantineKey[]): QuarantineKey[] {
  const byName = new Map(
    keys.slice(-8).map((key) => [`${key.topic} ${key.partition} ${key.offset} ${key.valueHash}`, key]),
  );
  return [...byName.values()];
}

export function keyOfRecord({ topic, partition, offset, valueHash }: QuarantineKey): QuarantineKey {
  return { topic, partition, offset, valueHash };
}

function drawQuarantineFilter(random: Random): QuarantineFilter {
  const maybe = <Value>(value: Value): Value | undefined => (random.chance(0.12) ? value : undefined);
  return {
    topic: maybe(random.pick(TOPICS)),
    reason: maybe(random.pick(['json_invalid', 'schema_invalid'])),
    partition: maybe(random.below(2)),
    fromOffset: maybe(BigInt(random.below(4))),
    beforeOffset: maybe(BigInt(random.below(6))),
    sinceMs: maybe(Date.UTC(2026, 0, 2 + random.below(3))),
    beforeMs: maybe(Date.UTC(2026, 0, 2 + random.below(3))),
  };
}

function drawSweep(caller: StoreCaller, random: Random): SweepResult {
  const count = () => random.below(5);
  return {
    beganAtMs: caller.clock.now() - 5,
    endedAtMs: caller.clock.now(),
    outcome: random.pick(OUTCOMES),
    error: random.chance(0.5) ? null : 'It’s “down” — 😀.',
    compared: count(),
    inFlight: count(),
    dead: count(),
    missing: count(),
    older: count(),
    different: count(),
    unrecorded: count(),
    unexpected: count(),
    newer: count(),
    madeDue: count(),
    healed: count(),
  };
}

/**
 * `npm run check:hostile-target` delivers to a target that misbehaves for some orders: it hangs, drips, storms,
 * redirects, sends gigabytes, disconnects, and loses its answers. The other orders must not wait. See docs/checks.md.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { selfSignedCertificate } from '../adapters/http-delivery/self-signed.ts';
import { databasesOf } from './lib/check-database.ts';
import { type Figures, type RunningCheck, runCommand } from './lib/command.ts';
import { type EmbeddedLog, readyOrder, startEmbeddedLog } from './lib/embedded-log.ts';
import {
  BEHAVIOURS,
  type Behaviour,
  orderIdOf,
  STORM_MS,
  type TargetNote,
  type Treatment,
  treatmentOf,
} from './lib/hostile-behaviour.ts';
import { type HostileTarget, startHostileTarget } from './lib/hostile-target.ts';
import { LedgerTables, type Standing } from './lib/ledger-tables.ts';
import { machine, peakMemoryMibOf } from './lib/process-usage.ts';
import { Program } from './lib/programs.ts';
import { waitFor } from './lib/waiting.ts';

/** Short times, so that the deliveries of hostile orders end within seconds. The breaker has its default settings. */
const DELIVERY = {
  ORDER_SYNC_DELIVERY_DEADLINE_MS: '2000',
  ORDER_SYNC_DELIVERY_BACKOFF_BASE_MS: '200',
  ORDER_SYNC_DELIVERY_BACKOFF_CAP_MS: '1000',
  ORDER_SYNC_DELIVERY_MAX_ATTEMPTS: '6',
};
const MAX_ATTEMPTS = 6;
const DELAY_LIMIT_MS = 2_000;
/** Answers of 2 GiB may add at most 128 MiB to the resident memory of order-sync. */
const HUGE_GROWTH_LIMIT_MIB = 128;
/** Deliveries must be done 20 s after a total storm: the breaker sends trials seconds apart, and a ramp follows. */
const RECOVERY_LIMIT_SECONDS = 20;
const TICK_MS = 50;
const PATIENCE_MS = 60_000;
const TLS_ORDERS = 50;

await runCommand({
  name: 'hostile-target',
  summary:
    'Delivers to a target that misbehaves for some orders: they must be delivered or parked, and the others must not wait.',
  examples: [
    'npm run check:hostile-target',
    'npm run check:hostile-target -- --database mariadb --good 1000 --hostile 100 --rate 100',
  ],
  options: [
    {
      name: 'good',
      value: 'number',
      fallback: '300',
      help: 'Orders per phase that the target accepts at once',
    },
    {
      name: 'hostile',
      value: 'number',
      fallback: '30',
      help: 'Orders per phase for which the target misbehaves',
    },
    { name: 'rate', value: 'number', fallback: '50', help: 'Orders published per second' },
    {
      name: 'database',
      value: 'embedded|mariadb|mysql',
      fallback: 'embedded',
      help: 'The database of order-sync',
    },
  ],
  run,
});

interface Bench {
  readonly check: RunningCheck;
  readonly orderSync: Program;
  readonly log: EmbeddedLog;
  readonly tables: LedgerTables;
  readonly target: HostileTarget;
}

async function run(check: RunningCheck): Promise<Figures> {
  const startedAt = performance.now();
  const databaseIn = await databasesOf(check);

  const folder = check.temporaryFolder();
  const target = await startHostileTarget(check, folder, { label: 'target' });
  const databaseUrl = await databaseIn(folder);
  const orderSync = await startOrderSync(check, 'order-sync', folder, {
    DATABASE_URL: databaseUrl,
    ORDER_SYNC_TARGET_URL: target.url,
  });
  const log = await startEmbeddedLog(folder);
  const tables = new LedgerTables(databaseUrl);
  check.defer(() => tables.close());
  const bench: Bench = { check, orderSync, log, tables, target };
  await warmUp(bench);
  const phases: Record<string, Phase> = {};
  for (const behaviour of BEHAVIOURS) {
    phases[behaviour] = await phase(bench, behaviour);
    check.progress(`${behaviour}: ${JSON.stringify(phases[behaviour])}`);
  }
  await orderSync.stop();
  await log.close();

  const tlsFolder = check.temporaryFolder();
  const tls = await badTls(check, tlsFolder, await databaseIn(tlsFolder));
  check.progress(`tls: ${JSON.stringify(tls)}`);
  return {
    ...phases,
    bad_tls: tls,
    seconds: Math.round((performance.now() - startedAt) / 1_000),
    database: check.text('database'),
    machine: machine(),
    ok: Object.values(phases).every((each) => each.ok) && tls.ok,
  };
}

async function startOrderSync(
  check: RunningCheck,
  label: string,
  folder: string,
  settings: Readonly<Record<string, string>>,
): Promise<Program> {
  const orderSync = await Program.create(check, 'order-sync', label, folder, {
    TRIBUTARY_DATA_DIR: folder,
    LOG_LEVEL: 'error',
    ...DELIVERY,
    ...settings,
  });
  orderSync.start();
  await orderSync.ready();
  return orderSync;
}

/** Delivers 200 orders before the measurement, because a new process is slow at first. */
async function warmUp({ check, log, tables }: Bench): Promise<void> {
  const ids = Array.from({ length: 200 }, (_, number) => `warm-up-${number}`);
  await log.append(ids.flatMap(readyOrder));
  await settled(check, tables, ids);
}

interface Phase {
  readonly good_p50_ms: number;
  readonly good_p99_ms: number;
  readonly good_max_ms: number;
  readonly good_lost: number;
  /** The number of orders with more than one effect, or with another effect than their last state. */
  readonly effects_wrong: number;
  readonly hostile_delivered: number;
  readonly hostile_parked: number;
  /** The number of hostile orders that were neither delivered nor parked, or were parked without a reason. */
  readonly hostile_astray: number;
  readonly hostile_with_effect: number;
  readonly hostile_attempts: number;
  readonly most_attempts: number;
  readonly reason: string;
  readonly seconds: number;
  readonly peak_memory_mib: number;
  readonly ok: boolean;
}

async function phase(bench: Bench, behaviour: Behaviour): Promise<Phase> {
  const { check, tables, target, orderSync } = bench;
  check.progress(`Phase ${behaviour}`);
  const startedAt = performance.now();
  const memoryBefore = peakMemoryMibOf(orderSync.pid);
  const ids = idsOf(behaviour, check.number('good'), check.number('hostile'));
  const publishedMs = await publish(bench, ids);
  const standings = await settled(check, tables, ids);
  const notes = target.notes().filter(({ orderId }) => treatmentOf(orderId)?.behaviour === behaviour);
  const storedMs = new Map<string, number>();
  let effectsWrong = 0;
  for (const { what, orderId, version, isReady, atMs } of notes) {
    if (what !== 'stored') continue;
    if (storedMs.has(orderId) || version !== 2 || !isReady) effectsWrong++;
    storedMs.set(orderId, atMs);
  }
  const isTotal = behaviour === 'total_storm';
  const goodIds = ids.filter((id) => treatmentOf(id)?.treatment === 'good');
  const hostileIds = ids.filter((id) => treatmentOf(id)?.treatment !== 'good');
  const delays = goodIds.flatMap((id) => {
    const atMs = storedMs.get(id);
    return atMs === undefined ? [] : [atMs - (publishedMs.get(id) ?? 0)];
  });
  delays.sort((a, b) => a - b);
  const hostile = hostileIds.map((id) => ({ id, ...(standings.get(id) as Standing) }));
  const delivered = hostile.filter(({ id, status }) => status === 'delivered' && storedMs.has(id)).length;
  const parked = hostile.filter(({ status, reason }) => status === 'dead' && reason !== '');
  const goodLost = goodIds.filter(
    (id) => !storedMs.has(id) || standings.get(id)?.status !== 'delivered',
  ).length;
  const astray = hostile.length - delivered - parked.length;
  const mostAttempts = Math.max(0, ...ids.map((id) => standings.get(id)?.attempts ?? 0));
  const peak = peakMemoryMibOf(orderSync.pid);
  const max = quantile(delays, 1);
  const more = isTotal
    ? totalStorm(notes, standings)
    : behaviour === 'huge'
      ? hugeAnswers(notes, peak - memoryBefore)
      : { ok: true };
  return {
    good_p50_ms: quantile(delays, 0.5),
    good_p99_ms: quantile(delays, 0.99),
    good_max_ms: max,
    good_lost: goodLost,
    effects_wrong: effectsWrong,
    hostile_delivered: delivered,
    hostile_parked: parked.length,
    hostile_astray: astray,
    hostile_with_effect: hostileIds.filter((id) => storedMs.has(id)).length,
    hostile_attempts: hostile.reduce((sum, { attempts }) => sum + attempts, 0),
    most_attempts: mostAttempts,
    reason: parked[0]?.reason ?? '',
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    peak_memory_mib: peak,
    ...more,
    ok:
      more.ok &&
      goodLost + effectsWrong + astray === 0 &&
      mostAttempts <= MAX_ATTEMPTS &&
      (isTotal || max <= DELAY_LIMIT_MS),
  };
}

/** Mixes hostile orders evenly among the good ones. The target accepts half of the hostile ones later, half never. */
function idsOf(behaviour: Behaviour, good: number, hostile: number): string[] {
  const ids: string[] = [];
  for (let number = 0, hostileSoFar = 0; number < good + hostile; number++) {
    const isHostile = Math.floor(((number + 1) * hostile) / (good + hostile)) > hostileSoFar;
    if (isHostile) hostileSoFar++;
    const bad: Treatment = hostileSoFar % 2 === 0 ? 'always' : 'once_more';
    ids.push(orderIdOf(behaviour, isHostile ? bad : 'good', number));
  }
  return ids;
}

/** Publishes the orders at the wanted rate, and returns the moment before each order was published. */
async function publish({ check, log }: Bench, ids: readonly string[]): Promise<Map<string, number>> {
  const rate = check.number('rate');
  const startedAt = performance.now();
  const publishedMs = new Map<string, number>();
  let published = 0;
  while (published < ids.length) {
    const due = Math.min(ids.length, Math.ceil(((performance.now() - startedAt) / 1_000) * rate));
    const next = ids.slice(published, due);
    const nowMs = Date.now();
    for (const id of next) publishedMs.set(id, nowMs);
    if (next.length > 0) await log.append(next.flatMap(readyOrder));
    published = due;
    await sleep(TICK_MS, undefined, { signal: check.signal });
  }
  return publishedMs;
}

/** Resolves when none of these orders has a due delivery any more. */
function settled(
  check: RunningCheck,
  tables: LedgerTables,
  ids: readonly string[],
): Promise<Map<string, Standing>> {
  const what = `${ids.length} orders such as ${ids[0]} to be delivered or parked`;
  return waitFor({ what, pauseMs: 200, timeoutMs: PATIENCE_MS, signal: check.signal }, async () => {
    const standings = await tables.standings();
    const isSettled = ids.every((id) => (standings.get(id)?.status ?? 'pending') !== 'pending');
    return isSettled ? standings : undefined;
  });
}

/** Measures how the breaker handled a time in which every request failed. */
function totalStorm(notes: readonly TargetNote[], standings: ReadonlyMap<string, Standing>) {
  const firstMs = notes[0]?.atMs ?? 0;
  const overMs = firstMs + STORM_MS;
  const lastMs = Math.max(...notes.filter(({ what }) => what === 'stored').map(({ atMs }) => atMs));
  const recoverySeconds = Math.max(0, Math.round((lastMs - overMs) / 100) / 10);
  const parked = [...standings].filter(
    ([id, { status }]) => treatmentOf(id)?.behaviour === 'total_storm' && status === 'dead',
  ).length;
  return {
    storm_seconds: STORM_MS / 1_000,
    storm_requests: notes.filter(({ what }) => what === 'bad').length,
    storm_parked: parked,
    recovery_seconds: recoverySeconds,
    ok: parked === 0 && recoverySeconds <= RECOVERY_LIMIT_SECONDS,
  };
}

/** Measures how many bytes of the huge answers were sent, kernel buffers included, and the growth of the memory. */
function hugeAnswers(notes: readonly TargetNote[], growthMib: number) {
  const written = notes.flatMap(({ bytes }) => (bytes === undefined ? [] : [bytes]));
  return {
    answers: written.length,
    most_mib_written: Math.round(Math.max(0, ...written) / 1_024 ** 2),
    memory_growth_mib: growthMib,
    ok: written.length > 0 && growthMib <= HUGE_GROWTH_LIMIT_MIB,
  };
}

/** Uses a target with a self-signed certificate. No request may reach it until a setting names the authority. */
async function badTls(check: RunningCheck, folder: string, databaseUrl: string) {
  check.progress('Phase bad_tls');
  const certificate = selfSignedCertificate();
  const tls = { key: join(folder, 'key.pem'), cert: join(folder, 'cert.pem') };
  writeFileSync(tls.key, certificate.key);
  writeFileSync(tls.cert, certificate.cert);
  const target = await startHostileTarget(check, folder, { label: 'tls-target', tls });
  // The default number of attempts keeps deliveries from being parked before a person has corrected the setting.
  const settings = {
    DATABASE_URL: databaseUrl,
    ORDER_SYNC_TARGET_URL: target.url,
    ORDER_SYNC_DELIVERY_MAX_ATTEMPTS: '24',
  };
  const doubting = await startOrderSync(check, 'doubting', folder, settings);
  const tables = new LedgerTables(databaseUrl);
  check.defer(() => tables.close());
  const log = await startEmbeddedLog(folder);
  const ids = Array.from({ length: TLS_ORDERS }, (_, number) => `tls-${number}`);
  await log.append(ids.flatMap(readyOrder));
  await log.close();
  await waitFor(
    { what: 'attempts at TLS', pauseMs: 100, timeoutMs: PATIENCE_MS, signal: check.signal },
    async () => ((await tables.attemptCount()) >= 10 ? true : undefined),
  );
  // Five more seconds let the breaker send more trials.
  await sleep(5_000, undefined, { signal: check.signal });
  await doubting.stop();
  const standings = [...(await tables.standings()).values()];
  const leaked = target.notes().length;
  const unfinished = standings.filter(({ status }) => status === 'pending').length;
  const reasons = standings.map(({ reason }) => reason).filter((reason) => reason !== '');
  const otherReasons = reasons.filter((reason) => !reason.includes('certificate')).length;
  const attempts = await tables.attemptCount();

  const trusting = await startOrderSync(check, 'trusting', folder, {
    ...settings,
    ORDER_SYNC_TARGET_CA_FILE: tls.cert,
  });
  const after = await settled(check, tables, ids);
  await trusting.stop();
  const stored = target.notes().filter(({ what, version }) => what === 'stored' && version === 2);
  const delivered = ids.filter(
    (id) =>
      after.get(id)?.status === 'delivered' && stored.filter(({ orderId }) => orderId === id).length === 1,
  );
  return {
    orders: ids.length,
    leaked,
    pending: unfinished,
    attempts,
    reason: reasons[0] ?? '',
    delivered_with_authority: delivered.length,
    ok:
      leaked === 0 &&
      unfinished === ids.length &&
      reasons.length > 0 &&
      otherReasons === 0 &&
      delivered.length === ids.length,
  };
}

/** Returns the figure below which `share` of the sorted figures lie; the last one for 1. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

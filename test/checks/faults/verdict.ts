/** Ends a scenario: waits until all events and deliveries are done, stops the programs, and compares all data. */
import { compareTarget, compareWithOracle } from '../lib/comparison.ts';
import { LedgerTables } from '../lib/ledger-tables.ts';
import { targetTables } from '../lib/tables.ts';
import { TARGET_PART } from './progress-watch.ts';
import {
  HEALTHY_PAUSE_LIMIT_SECONDS,
  RECOVERY_LIMIT_SECONDS,
  type ScenarioFigures,
  SILENCE_LIMIT_SECONDS,
} from './scenario.ts';
import type { Stage } from './stage.ts';
import { longestSeconds, type Standstill } from './standstill.ts';

export interface Findings {
  /** Says that the fault took place; empty if it did not. */
  readonly seen: string;
  /** The seconds until the system had recovered; null if it did not within the patience. */
  readonly recoverySeconds: number | null;
  /** Tells whether a part (a partition or `target`) is not touched by the fault. The default is no part. */
  readonly isHealthy?: (part: string) => boolean;
  /** The moment until which healthy parts are watched; the end of the scenario if it is left out. */
  readonly healthyUntilMs?: number;
  /** The pause of a healthy part that the scenario has measured itself. */
  readonly healthyPauseSeconds?: number;
  /** Requires that /readyz of a program turned red. A long standstill of a partition requires that anyway. */
  readonly mustTurnRed?: boolean;
  /** Orders that must be parked. `parked_wrongly` and the comparison of the target leave them out. */
  readonly parked?: ReadonlySet<string>;
  /** Orders whose delivery must be dead at the end. */
  readonly mustBeDead?: readonly string[];
  /** The records that must be in quarantine, as `placeName` writes them. */
  readonly malformed?: ReadonlySet<string>;
  /** The seconds within which a sweep must begin, if only a sweep can make the target right. */
  readonly sweepSeconds?: number;
  /** More faults that the scenario has found. */
  readonly wrong?: readonly string[];
  readonly more?: Readonly<Record<string, unknown>>;
}

/** The comparison begins when nothing has changed for 40 s. */
const STALL_SECONDS = 40;
/** If no delivery is left and the target is still wrong, the comparison begins after 12 s. */
const HOPELESS_SECONDS = 12;
const SETTLE_SECONDS = 100;
/** The number of examples that are shown of each kind of fault. */
const EXAMPLES_SHOWN = 5;
/** The looks of the check and of the programs may be late by 3 s. */
const LOOK_SECONDS = 3;
const GREEN_PATIENCE_SECONDS = 20;
/** The report shows the changes of /readyz from 2 s before the fault on. */
const BEFORE_FAULT_SECONDS = 2;

export async function conclude(stage: Stage, findings: Findings): Promise<ScenarioFigures> {
  const wrong: string[] = [...(findings.wrong ?? [])];
  if (findings.seen === '') wrong.push('the fault did not take place, so the scenario proves nothing');
  await stage.feeder.stop();
  await settle(stage, findings.parked ?? new Set(), findings.sweepSeconds ?? 0);
  await stage.until(GREEN_PATIENCE_SECONDS, () => stage.readyz.notGreen().length === 0);
  for (const label of stage.readyz.notGreen()) wrong.push(`${label} is not green at the end`);
  for (const program of stage.programs) {
    if (!program.isRunning) wrong.push(`${program.label} has ended: ${program.logTail()}`);
  }
  const endedAtMs = performance.now();
  await stage.progress.stop();
  await stage.readyz.stop();
  for (const program of stage.programs) await program.stop();

  const compared = await compareAll(stage, findings);
  for (const line of compared.examples) stage.say(line);
  const standstills = stage.progress.standstills.between(stage.faultAtMs, endedAtMs);
  const healthy = findings.isHealthy ?? (() => false);
  const healthyUntilMs = findings.healthyUntilMs ?? endedAtMs;
  const healthyPause = Math.max(
    findings.healthyPauseSeconds ?? 0,
    longestSeconds(
      standstills
        .filter(({ part, fromMs }) => healthy(part) && fromMs < healthyUntilMs)
        .map(({ part, fromMs, toMs }) => ({
          part,
          fromMs: Math.max(fromMs, stage.faultAtMs),
          toMs: Math.min(toMs, healthyUntilMs),
        })),
    ),
  );
  const partitions = standstills.filter(({ part }) => part !== TARGET_PART);
  for (const silent of silentOnes(stage, standstills)) wrong.push(silent);
  if (findings.mustTurnRed === true && !stage.readyz.wasRed(stage.faultAtMs, endedAtMs)) {
    wrong.push('/readyz never turned red');
  }
  const recovery = findings.recoverySeconds;
  if (recovery === null) wrong.push('the system did not recover in time');
  else if (recovery > RECOVERY_LIMIT_SECONDS) wrong.push(`recovery took ${recovery} s`);
  if (healthyPause > HEALTHY_PAUSE_LIMIT_SECONDS) {
    wrong.push(`a part that the fault does not touch stood still for ${healthyPause} s`);
  }
  for (const orderId of findings.mustBeDead ?? []) {
    if (!compared.dead.has(orderId)) wrong.push(`the delivery of ${orderId} is not dead`);
  }
  for (const [name, count] of Object.entries(compared.figures)) {
    if (count !== 0) wrong.push(`${name} is ${count}`);
  }
  return {
    seen: findings.seen,
    recovery_seconds: recovery ?? -1,
    ...compared.figures,
    healthy_pause_seconds: healthyPause,
    stood_still_seconds: longestSeconds(partitions),
    target_stood_still_seconds: longestSeconds(standstills.filter(({ part }) => part === TARGET_PART)),
    events: stage.feeder.acknowledged,
    ...findings.more,
    readyz: stage.readyz.lines().filter(({ second }) => second > -BEFORE_FAULT_SECONDS),
    wrong,
    ok: wrong.length === 0,
  };
}

/** Waits until checkpoints, ledger and target are as expected, or until nothing changes any more. */
async function settle(stage: Stage, parked: ReadonlySet<string>, sweepSeconds: number): Promise<void> {
  const ends = stage.feeder.ends();
  const ledger = new LedgerTables(stage.databaseUrl());
  let last = '';
  let movedAtMs = performance.now();
  const isThrough = async () => {
    const counts = await ledger.counts().catch(() => null);
    const isAt = stage.progress.isAt(ends);
    const seen = JSON.stringify([counts, isAt, stage.progress.wrongOrders.size]);
    if (seen !== last) movedAtMs = performance.now();
    last = seen;
    const stillSeconds = (performance.now() - movedAtMs) / 1_000;
    const isHopeless = isAt && counts?.pending === 0 && stillSeconds > HOPELESS_SECONDS + sweepSeconds;
    if (isHopeless || stillSeconds > STALL_SECONDS + sweepSeconds) return true;
    const isTargetDone =
      stage.targetTables === null ||
      (counts !== null && counts.pending <= parked.size && stage.progress.wrongOrders.size <= parked.size);
    return isAt && isTargetDone;
  };
  const seconds = await stage.until(SETTLE_SECONDS + sweepSeconds, isThrough);
  await ledger.close();
  if (seconds === null || !stage.progress.isAt(ends))
    stage.say(`Not all events and deliveries are done: ${last}`);
}

interface Compared {
  readonly figures: {
    readonly lost: number;
    readonly duplicated: number;
    readonly divergent: number;
    readonly quarantine_different: number;
    readonly target_different: number;
    readonly parked_wrongly: number;
  };
  /** The orders whose delivery is dead. */
  readonly dead: ReadonlySet<string>;
  readonly examples: readonly string[];
}

async function compareAll(stage: Stage, findings: Findings): Promise<Compared> {
  const malformed = findings.malformed ?? new Set<string>();
  const parked = findings.parked ?? new Set<string>();
  const source = await stage.tables((tables) => compareWithOracle(tables, stage.oracle, malformed));
  const examples = source.examples.slice(0, EXAMPLES_SHOWN);
  let targetDifferent = 0;
  let differentIds: readonly string[] = [];
  if (stage.targetTables !== null) {
    const tables = targetTables(stage.targetTables);
    const target = await compareTarget(tables, stage.oracle, parked);
    await tables.close();
    targetDifferent = target.target_different;
    differentIds = target.differentIds;
    examples.push(...target.examples.slice(0, EXAMPLES_SHOWN));
  }
  const ledger = new LedgerTables(stage.databaseUrl());
  let parkedWrongly = 0;
  const dead = new Set<string>();
  const facts = differentIds.length === 0 ? new Map<string, string>() : await ledger.snapshot();
  for (const id of differentIds.slice(0, EXAMPLES_SHOWN))
    examples.push(`the ledger of ${JSON.stringify(id)}: ${facts.get(id) ?? 'no delivery'}`);
  for (const [orderId, { status, reason }] of await ledger.standings()) {
    if (status === 'dead') dead.add(orderId);
    if (status !== 'dead' || parked.has(orderId)) continue;
    parkedWrongly++;
    if (parkedWrongly <= EXAMPLES_SHOWN) examples.push(`parked: ${JSON.stringify(orderId)}: ${reason}`);
  }
  await ledger.close();
  for (const { orderId, reason } of await stage.tables((tables) => tables.parkedEntities())) {
    if (parked.has(orderId)) continue;
    parkedWrongly++;
    if (parkedWrongly <= EXAMPLES_SHOWN) examples.push(`parked: ${JSON.stringify(orderId)}: ${reason}`);
  }
  return {
    figures: {
      lost: source.lost,
      duplicated: source.duplicated,
      divergent: source.divergent + source.bodies_different,
      quarantine_different: source.quarantine_different,
      target_different: targetDifferent,
      parked_wrongly: parkedWrongly,
    },
    dead,
    examples,
  };
}

/**
 * Lists the standstills of a partition or the target of at least 18 s (the limit of 15 s, and 3 s for the looks) during
 * which no /readyz turned red.
 */
function silentOnes(stage: Stage, standstills: readonly Standstill[]): string[] {
  const limitMs = (SILENCE_LIMIT_SECONDS + LOOK_SECONDS) * 1_000;
  const silent = standstills.filter(
    ({ fromMs, toMs }) => toMs - fromMs >= limitMs && !stage.readyz.wasRed(fromMs, toMs),
  );
  return silent.map(
    (each) => `${each.part} stood still for ${longestSeconds([each])} s and /readyz of no program was red`,
  );
}

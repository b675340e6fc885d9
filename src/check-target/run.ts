import { randomBytes } from 'node:crypto';
import { type BodyOptions, bodyMaker, type ReachOptions, reach } from '../adapters/http-delivery/index.ts';
import { parseVerdictRules, type VerdictRules } from '../core/verdict-rules.ts';
import type { SigningKey } from '../core/webhook-signature.ts';
import { ACCEPTED, type Check } from './check.ts';
import { acceptingChecks } from './checks/accepting.ts';
import { connectionChecks } from './checks/connections.ts';
import { deliveryBatchChecks } from './checks/delivery-batches.ts';
import { idChecks } from './checks/ids.ts';
import { reconciliationChecks } from './checks/reconciliation.ts';
import { repetitionChecks } from './checks/repetitions.ts';
import { signatureChecks } from './checks/signatures.ts';
import { versionChecks } from './checks/versions.ts';
import { FAULTS, type Finding, fault, notChecked, RequestFault } from './faults.ts';
import { HttpClient } from './http-client.ts';
import type { OptionNames } from './option-names.ts';
import { Probe } from './probe.ts';

/** All checks, in the sequence in which they run. A check comes after those that it needs. */
export const CHECKS: readonly Check[] = [
  ...acceptingChecks,
  ...signatureChecks,
  ...repetitionChecks,
  ...versionChecks,
  ...idChecks,
  ...deliveryBatchChecks,
  ...reconciliationChecks,
  ...connectionChecks,
];

export interface CheckTargetOptions {
  readonly url: URL;
  /** Every key signs each request, as order-sync does. Without keys the checks of signatures are left out. */
  readonly keys: readonly SigningKey[];
  /** How the target is reached, and how requests are authorized. */
  readonly reach?: ReachOptions;
  /** The body that the target wants, if not the contract's. */
  readonly body?: BodyOptions;
  /** What statuses mean at the target, if not what the contract says. */
  readonly verdicts?: VerdictRules | undefined;
  /** Part of every order id of this run, so that runs never meet: letters, digits and `-`. By default it is random. */
  readonly runId?: string;
  readonly deadlineMs: number;
  /** Whether the user says that the target shows its orders by GET. Then a missing order is a fault. */
  readonly mustShow: boolean;
  readonly optionNames: OptionNames;
  readonly stop: AbortSignal;
}

export interface CheckedLine extends Finding {
  readonly check: string;
  /** What to do about the fault, or null if there is none. */
  readonly remedy: string | null;
}

export interface Report {
  /** Whether no check failed. Warnings do not count. */
  readonly ok: boolean;
  readonly isReached: boolean;
  /** The beginning of the ids of the test orders, which stay at the target. */
  readonly orderIdPrefix: string;
  readonly checks: readonly CheckedLine[];
}

/**
 * Runs all checks at a running target, and leaves test orders behind. Leaves a check out if it could only find a fault again
 * that an earlier check has found, so that each fault is named once.
 */
export async function checkTarget(options: CheckTargetOptions): Promise<Report> {
  const { url, deadlineMs, verdicts = parseVerdictRules('') } = options;
  const clock = { monotonicMs: () => performance.now() };
  const way = reach(url, { ...options.reach, name: url.host, clock, logger: () => {}, deadlineMs });
  const client = new HttpClient(url, { ...options, verdicts, reach: way });
  const { runId = randomBytes(4).toString('hex') } = options;
  const probe = new Probe({ ...options, runId, client, makeBody: bodyMaker(options.body ?? {}) });
  const found = new Map<string, Finding>();
  const lost = new Set<string>();
  try {
    for (const check of CHECKS) found.set(check.name, await runCheck(check, probe, found, lost));
  } finally {
    await client.close();
  }
  const checks = [...found].map(([check, finding]) => ({
    check,
    ...finding,
    remedy: finding.code === null ? null : FAULTS[finding.code].remedy,
  }));
  return {
    ok: checks.every(({ verdict }) => verdict !== 'fail'),
    isReached: found.get(ACCEPTED)?.code !== 'target_unreachable',
    orderIdPrefix: probe.prefix,
    checks,
  };
}

/** `lost` gets the checks whose requests met a fault that an earlier check has named. */
async function runCheck(
  check: Check,
  probe: Probe,
  found: ReadonlyMap<string, Finding>,
  lost: Set<string>,
): Promise<Finding> {
  const failed = check.needs.find((name) => found.get(name)?.verdict === 'fail' || lost.has(name));
  if (failed !== undefined) return notChecked(`needs ${failed}`);
  if (check.needsSecret === true && probe.keys.length === 0) return notChecked('no secret is given');
  try {
    return await check.run(probe);
  } catch (error) {
    if (!(error instanceof RequestFault)) throw error;
    const earlier = error.isOfEveryRequest ? firstWith(error.code, found) : undefined;
    if (earlier === undefined) return fault(error.code, error.message);
    lost.add(check.name);
    return notChecked(`its request met the same as that of ${earlier}`);
  }
}

/** The check that has found this fault already. */
function firstWith(code: Finding['code'], found: ReadonlyMap<string, Finding>): string | undefined {
  return [...found].find(([, finding]) => finding.code === code)?.[0];
}

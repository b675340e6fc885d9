import { randomBytes } from 'node:crypto';
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
import { type OptionNames, Probe } from './probe.ts';

/** In this sequence: a check comes after those that it needs. */
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
  /** All of them sign, as order-sync does; none: the checks of signatures are left out. */
  readonly keys: readonly SigningKey[];
  /** Sent with what only reads; null: nothing is. */
  readonly apiKey: string | null;
  /** Part of every order id of this run, so that runs never meet: letters, digits and `-`. By default it is random. */
  readonly runId?: string;
  readonly deadlineMs: number;
  /** The target shows its orders by GET: not finding one there is a fault. */
  readonly mustShow: boolean;
  readonly optionNames: OptionNames;
  readonly stop: AbortSignal;
}

export interface CheckedLine extends Finding {
  readonly check: string;
  /** What to do about it; null if nothing is wrong. */
  readonly remedy: string | null;
}

export interface Report {
  /** No check failed; warnings do not count. */
  readonly ok: boolean;
  readonly isReached: boolean;
  /** The ids of the orders that were left at the target begin so. */
  readonly orderIdPrefix: string;
  readonly checks: readonly CheckedLine[];
}

/**
 * Tries everything that the contract asks of a target, at a running one, and leaves test orders behind. A check
 * that could only find again what another one found is left out, so that each fault is named once.
 */
export async function checkTarget(options: CheckTargetOptions): Promise<Report> {
  const client = new HttpClient(options.url, options);
  const { runId = randomBytes(4).toString('hex') } = options;
  const probe = new Probe({ ...options, runId, client });
  const found = new Map<string, Finding>();
  try {
    for (const check of CHECKS) found.set(check.name, await runCheck(check, probe, found));
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

async function runCheck(check: Check, probe: Probe, found: ReadonlyMap<string, Finding>): Promise<Finding> {
  const failed = check.needs.find((name) => found.get(name)?.verdict === 'fail');
  if (failed !== undefined) return notChecked(`needs ${failed}`);
  if (check.needsSecret === true && probe.keys.length === 0) return notChecked('no secret is given');
  try {
    return await check.run(probe);
  } catch (error) {
    if (error instanceof RequestFault) return fault(error.code, error.message);
    throw error;
  }
}

import { parseVerdictRules } from '../core/verdict-rules.ts';
import { type Answer, describe } from './http-client.ts';
import type { Probe } from './probe.ts';

/**
 * Says how order-sync can take a status for delivered by which a target says that it holds what it was sent, or something
 * newer. `meaning` is the end of the sentence "that means ...". Begins with a semicolon.
 */
export function deliveredHint(status: number, meaning: string, probe: Probe): string {
  const rule = `${status}=delivered`;
  if (!isAllowed(rule))
    return `; no setting makes ${status} count as delivered, since a wrong key or a broken target answers so, too`;
  const hint = `; if that means ${meaning}, set ${probe.optionNames.verdicts}=${rule}`;
  return probe.statusesOfGarbage.has(status)
    ? `${hint}, though a state that the target refuses by ${status} then counts as delivered, too, as it answered ${status} to a body that is no state`
    : hint;
}

function isAllowed(rule: string): boolean {
  try {
    parseVerdictRules(rule);
    return true;
  } catch {
    return false;
  }
}

/** Whether the answer counts as delivered by a rule of the user, and not by the contract. */
export function isTakenByRule({ isTaken, status }: Answer): boolean {
  return isTaken && !(status >= 200 && status < 300);
}

/** What was seen of an answer that must not count as delivered. */
export function seenOf(answer: Answer, { optionNames: { verdicts } }: Probe): string {
  const seen = describe(answer);
  return isTakenByRule(answer)
    ? `${seen}, which counts as delivered by ${verdicts}, so a state that is refused in this way is lost: take that rule out`
    : seen;
}

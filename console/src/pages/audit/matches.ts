import type { Decision } from '../../api/types.ts';

/** Whether a decision has each of the words somewhere, in upper or lower case. */
export function matchesDecision(decision: Decision, find: string): boolean {
  const { action, subject, details, decidedBy, reason } = decision;
  const text = [action, subject, JSON.stringify(details), decidedBy, reason].join('\n').toLowerCase();
  return find
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

import { quoted } from '../../../core/text.ts';
import type { StoredAttempt } from '../../../ports/ledger.ts';
import type { ExplainedDelivery } from '../explain.ts';
import { ANSWER_CHARACTERS, ID_CHARACTERS, momentWords } from './words.ts';

/** What the sentences about the deliveries of one entity are made of. */
export interface DeliveryFacts {
  readonly isReady: boolean;
  readonly waitsForRebuild: boolean;
  readonly deliveries: readonly ExplainedDelivery[];
  readonly targets: readonly string[];
  readonly nowMs: number;
}

/** Says where the delivery to each target stands. */
export function deliverySentences(facts: DeliveryFacts): string[] {
  const { deliveries, targets, isReady, waitsForRebuild, nowMs } = facts;
  if (deliveries.length === 0 && !isReady) return ['Last sent: never.'];
  const neverDue = targets.filter((name) => deliveries.every(({ target }) => target !== name));
  return [
    ...deliveries.map((delivery) => deliverySentence(delivery, nowMs)),
    ...neverDue.map((name) =>
      isReady && !waitsForRebuild
        ? `It was never due to ${name}: the filter of this target passes it over, or the target was added after its last change.`
        : `It was never due to ${name}.`,
    ),
  ];
}

/** Says where one delivery stands. */
function deliverySentence(delivery: ExplainedDelivery, nowMs: number): string {
  const { status, dueVersion, deliveredVersion, attemptLog } = delivery;
  const sent = lastSent(delivery, nowMs);
  if (status === 'delivered') return `${sent}.`;
  const attempts = attemptLog.filter(({ version }) => version === dueVersion);
  const last = attempts.find(({ verdict }) => verdict !== 'delivered');
  const again = deliveredVersion === dueVersion ? ' again' : '';
  if (status === 'dead') return deadSentence(delivery, last, nowMs);
  const due = `${sent}; version ${dueVersion} is due${again} since ${momentWords(delivery.dueSinceMs, nowMs)}`;
  const next =
    delivery.nextAttemptAtMs === null || delivery.nextAttemptAtMs <= nowMs
      ? 'the next attempt is due now'
      : `the next attempt comes at ${momentWords(delivery.nextAttemptAtMs, nowMs)}, or one is under way until then`;
  if (last === undefined) return `${due}, and has not been answered yet; ${next}.`;
  return `${due}, and is being tried: ${attemptWords(last, nowMs)}; ${next}.`;
}

function deadSentence(delivery: ExplainedDelivery, last: StoredAttempt | undefined, nowMs: number): string {
  const { target, dueVersion, entityId, lastAnswer } = delivery;
  const why = last === undefined ? lastErrorOf(delivery) : attemptWords({ ...last, answer: '' }, nowMs);
  const answer = (last?.answer ?? lastAnswer ?? '').trim();
  const saying = answer === '' ? '' : ` (it said: ${quoted(answer, ANSWER_CHARACTERS)})`;
  const redrive = `order-sync redrive --target ${target} --order ${quoted(entityId, ID_CHARACTERS)}`;
  return (
    `${lastSent(delivery, nowMs)}; version ${dueVersion} is dead and is not tried again: ${why}. ` +
    `First mend the cause at the target${saying}, then run ${redrive} to make it due again.`
  );
}

function lastSent({ target, deliveredVersion, attemptLog }: ExplainedDelivery, nowMs: number): string {
  if (deliveredVersion === null) return `Nothing was ever delivered to ${target}`;
  const attempt = attemptLog.find(
    ({ version, verdict }) => version === deliveredVersion && verdict === 'delivered',
  );
  if (attempt === undefined)
    return `Version ${deliveredVersion} counts as delivered to ${target}, and the attempts that are shown do not have it`;
  const answer = attempt.status === null ? '' : `, which answered ${attempt.status}`;
  return `Version ${deliveredVersion} was delivered to ${target} at ${momentWords(attempt.attemptedAtMs, nowMs)}${answer}`;
}

function attemptWords(attempt: StoredAttempt, nowMs: number): string {
  const { status, latencyMs, attemptedAtMs } = attempt;
  const said = saidBy(attempt);
  const saying = said === '' ? '' : ` (${said})`;
  const outcome = status === null ? 'had no answer' : `was answered ${status}`;
  return `attempt ${attempt.attempt} at ${momentWords(attemptedAtMs, nowMs)} ${outcome} after ${Math.round(latencyMs)} ms${saying}`;
}

/** What went wrong with an attempt, and what the target answered, as far as there is either. */
export function saidBy({ error, answer }: Pick<StoredAttempt, 'error' | 'answer'>): string {
  const texts = [error ?? '', answer].filter((text) => text.trim() !== '');
  return texts.map((text) => quoted(text, ANSWER_CHARACTERS)).join(', saying ');
}

function lastErrorOf({ lastStatus, lastError }: ExplainedDelivery): string {
  const said = lastError === null ? '' : ` (${quoted(lastError, ANSWER_CHARACTERS)})`;
  return lastStatus === null ? `the last attempt failed${said}` : `the last answer was ${lastStatus}${said}`;
}

import { quoted } from '../../core/text.ts';
import { type Hold, partName } from '../../ports/holds.ts';
import type { StoredAttempt } from '../../ports/ledger.ts';
import type { ParkedEntity } from '../../ports/parked-entities.ts';
import type { Unfoldable } from '../ingest/unfoldable.ts';
import type { ExplainedDelivery } from './explain.ts';
import { type Readiness, readinessSentence } from './readiness.ts';
import { ANSWER_CHARACTERS, ID_CHARACTERS, momentWords } from './words.ts';

/** What the sentences about an entity are made of. */
export interface Facts extends Readiness<unknown> {
  readonly noun: string;
  readonly entityId: string;
  readonly version: number;
  readonly parked: ParkedEntity | null;
  readonly unfoldable: Unfoldable | null;
  readonly rowDiffers: boolean;
  /** Whether rows and deliveries stay as they are until a rebuild. */
  readonly waitsForRebuild: boolean;
  /** Whether there is a row although the journal has no event. */
  readonly hasStrayRow: boolean;
  /** The limit that the number of events exceeds; null if all events were read. */
  readonly maxEvents: number | null;
  readonly holds: readonly Hold[];
  readonly deliveries: readonly ExplainedDelivery[];
  readonly targets: readonly string[];
  readonly nowMs: number;
}

/** Says in plain sentences why the entity is or is not ready, and where its deliveries stand. */
export function sentencesOf(facts: Facts): string[] {
  if (facts.version === 0) return unknownSentences(facts);
  return [
    ...standingSentences(facts),
    ...(facts.maxEvents === null
      ? []
      : [
          `It has ${facts.version} events, more than the ${facts.maxEvents} that are folded here: what is said above is ` +
            'what its row says, and only its last events are shown.',
        ]),
    ...(facts.rowDiffers
      ? [
          'Its row in the view differs from its journal: somebody has altered it, and order-sync will make it again.',
        ]
      : []),
    ...(facts.waitsForRebuild ? [REBUILD_AWAITED] : []),
    ...deliverySentences(facts),
    ...holdSentences(facts),
  ];
}

const REBUILD_AWAITED =
  'Rows and deliveries wait for a rebuild ("order-sync rebuild"): until then its events are journaled, its row stays as it ' +
  'is, and nothing of it becomes due.';

function unknownSentences(facts: Facts): string[] {
  const { noun, hasStrayRow, deliveries } = facts;
  return [
    `Unknown: the journal has no event of this ${noun}. A record that was refused is in quarantine: see "order-sync quarantine".`,
    ...(hasStrayRow ? ['There is a row in the view, which this program has not made from events.'] : []),
    ...(deliveries.length > 0 ? ['The ledger has deliveries of it: the journal has lost its events.'] : []),
    ...holdSentences(facts),
  ];
}

function standingSentences(facts: Facts): string[] {
  const { parked, unfoldable, entityId, nowMs } = facts;
  const id = quoted(entityId, ID_CHARACTERS);
  if (parked !== null) {
    const since = momentWords(parked.parkedAtMs, nowMs);
    return [
      `Parked since ${since}, because it cannot be folded (${parked.reason}): ${parked.detail} Its events are journaled, ` +
        `but its row and its deliveries stand still. Once the program understands it, run order-sync unpark ${id} --reason "..." to let it go on.`,
    ];
  }
  if (unfoldable !== null)
    return [
      `Its events cannot be folded by this program (${unfoldable.reason}): ${unfoldable.detail} What is said here is what ` +
        'its row says.',
      readinessSentence(facts, nowMs),
    ];
  return [readinessSentence(facts, nowMs)];
}

function deliverySentences(facts: Facts): string[] {
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

/** Says what operators have paused: what is paused may be the reason why nothing moves. */
function holdSentences({ holds, deliveries, noun, nowMs }: Facts): string[] {
  return holds.flatMap(({ part, heldBy, reason, heldAtMs }) => {
    const isOwed = deliveries.some(
      ({ target, status }) => part.kind === 'target' && target === part.target && status === 'pending',
    );
    if (part.kind === 'target' && !isOwed) return [];
    const meaning =
      part.kind === 'target' ? 'nothing is sent to it' : `events of this ${noun} may wait in the log`;
    const name = partName(part);
    const said = `since ${momentWords(heldAtMs, nowMs)} by ${quoted(heldBy)} (${quoted(reason, ANSWER_CHARACTERS)})`;
    return [`${name.charAt(0).toUpperCase()}${name.slice(1)} is on hold ${said}: ${meaning}.`];
  });
}

/** Says where one delivery stands. */
export function deliverySentence(delivery: ExplainedDelivery, nowMs: number): string {
  const { target, status, dueVersion, deliveredVersion, attemptLog, entityId } = delivery;
  const sent = lastSent(delivery, nowMs);
  if (status === 'delivered') return `${sent}.`;
  const attempts = attemptLog.filter(({ version }) => version === dueVersion);
  const last = attempts.find(({ verdict }) => verdict !== 'delivered');
  const again = deliveredVersion === dueVersion ? ' again' : '';
  if (status === 'dead') {
    const why = last === undefined ? lastErrorOf(delivery) : attemptWords(last, nowMs);
    const redrive = `order-sync redrive --target ${target} --order ${quoted(entityId, ID_CHARACTERS)}`;
    return `${sent}; version ${dueVersion} is dead and is not tried again: ${why}. Run ${redrive} to make it due again.`;
  }
  const due = `${sent}; version ${dueVersion} is due${again} since ${momentWords(delivery.dueSinceMs, nowMs)}`;
  const next =
    delivery.nextAttemptAtMs === null || delivery.nextAttemptAtMs <= nowMs
      ? 'the next attempt is due now'
      : `the next attempt comes at ${momentWords(delivery.nextAttemptAtMs, nowMs)}, or one is under way until then`;
  if (last === undefined) return `${due}, and has not been answered yet; ${next}.`;
  return `${due}, and is being tried: ${attemptWords(last, nowMs)}; ${next}.`;
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

import { isDefect, messageOf } from '../../../core/errors.ts';
import { partitionName } from '../../../core/offset.ts';
import type { Checkpoint } from '../../../ports/checkpoints.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { StatusReport } from '../../status/report.ts';
import {
  AFTER_TROUBLE_MS,
  checkpointsOf,
  type FollowParts,
  LOOK_EVERY_MS,
  type Places,
  StartOffsets,
} from '../following.ts';
import {
  ChangeReader,
  type ChangeReaderParts,
  type ChangesRead,
  distance,
  type IsAskedFor,
  NEWEST_EVENTS,
  RECORDS_MAX,
  type StreamedEvent,
} from './change-reader.ts';
import { DeliveryWatch, type DeliveryWatchParts } from './delivery-watch.ts';
import type { ResetReason, StreamListener, StreamMessage } from './messages.ts';
import { placesOf, positionOf } from './position.ts';
import { StatusWatch } from './status-watch.ts';

export interface ChangeStreamParts extends FollowParts, Omit<ChangeReaderParts, 'clock'> {
  readonly store: FollowParts['store'] & DeliveryWatchParts['store'];
  readonly targets: readonly string[];
  readonly clock: Pick<Clock, 'now' | 'monotonicMs' | 'sleep'>;
  readonly report: () => Promise<StatusReport>;
  /** Called with each error that is a mistake in the program. */
  readonly onDefect: (error: unknown) => void;
}

/** A listener to some entities gets all their events. With more than this many at a time, it is told to look again. */
const OWN_EVENTS_MAX = 1_000;
/** The most positions from which one look reads for listeners that come back. The others wait for the next look. */
const CATCH_UPS_MAX = 4;

/** What a listener that comes back gets for its position. */
type CatchUp = { readonly reset: ResetReason } | ChangesRead;

/** One run of the loops, from the first listener to the last one that leaves. */
interface Run {
  readonly stopping: AbortController;
  /** The places up to which all listeners know the log; null before the first look. */
  places: Places | null;
  /** Ends the rest between two looks. */
  waking: AbortController;
}

/**
 * Tells listeners what becomes of the log's records: it follows the log up to the stored checkpoints, as the tail does, but
 * looks no journals up. So it tells what all instances journal. Nothing runs while nobody listens.
 *
 *     joining --its position is caught up, or it has none--> listening --remove--> gone
 *
 * One loop looks at the checkpoints every 500 ms. It tells the listeners what the checkpoints have passed, lets those join
 * that have come meanwhile, so that they miss nothing in between, and reads the deliveries of the entities that listeners ask
 * for. If store or log do not answer, the listeners get a note, and later what they have missed.
 */
export class ChangeStream {
  readonly #parts: ChangeStreamParts;
  readonly #reader: ChangeReader;
  readonly #deliveries: DeliveryWatch;
  readonly #status: StatusWatch;
  readonly #isWatched: IsAskedFor = (entityId) => this.#deliveries.isWatched(entityId);
  readonly #joining = new Set<StreamListener>();
  readonly #listening = new Set<StreamListener>();
  #run: Run | null = null;
  /** Why the log cannot be followed now. */
  #problem: string | null = null;

  constructor(parts: ChangeStreamParts) {
    this.#parts = parts;
    this.#reader = new ChangeReader(parts);
    this.#deliveries = new DeliveryWatch(parts);
    this.#status = new StatusWatch(parts);
  }

  /** Sends the listener what is to tell, from its position on, until it is removed. */
  add(listener: StreamListener): void {
    this.#joining.add(listener);
    if (this.#run === null) {
      this.#start();
      return;
    }
    this.#run.waking.abort();
    const { latest } = this.#status;
    if (latest !== null) listener.send(latest);
    if (this.#problem !== null) listener.send(this.#noteOf(this.#problem));
  }

  /** May be called twice. */
  remove(listener: StreamListener): void {
    this.#joining.delete(listener);
    this.#listening.delete(listener);
    this.#deliveries.remove(listener);
    if (this.#joining.size + this.#listening.size > 0) return;
    this.#run?.stopping.abort();
    this.#run?.waking.abort();
    this.#run = null;
    this.#problem = null;
  }

  #start(): void {
    const run: Run = { stopping: new AbortController(), places: null, waking: new AbortController() };
    this.#run = run;
    const { signal } = run.stopping;
    void this.#follow(run);
    void this.#status.run(signal, (message) => this.#sendAll(message));
  }

  async #follow(run: Run): Promise<void> {
    const { signal } = run.stopping;
    while (!signal.aborted) {
      let restMs = LOOK_EVERY_MS;
      // A listener that comes during the look ends the rest behind it.
      run.waking = new AbortController();
      try {
        await this.#look(run);
      } catch (error) {
        restMs = AFTER_TROUBLE_MS;
        if (!signal.aborted) this.#note(this.#sentenceOf(error));
      }
      if (!signal.aborted) await this.#parts.clock.sleep(restMs, run.waking.signal);
    }
  }

  #sentenceOf(error: unknown): string {
    if (!isDefect(error)) return messageOf(error);
    this.#parts.onDefect(error);
    return 'The program failed, and has logged the reason.';
  }

  async #look(run: Run): Promise<void> {
    const { signal } = run.stopping;
    const checkpoints = await checkpointsOf(this.#parts);
    const starts = new StartOffsets(this.#parts);
    const { places, hasGoneBack } = await placesAt(run.places, checkpoints, starts);
    const read = await this.#reader.read(
      places,
      checkpoints,
      this.#deliveries.isWatching ? this.#isWatched : null,
    );
    if (signal.aborted) return;
    const hasMoved = run.places !== null && !isSame(run.places, read.places);
    run.places = read.places;
    const position = positionOf(read.places, checkpoints);
    this.#note(read.problem);
    if (hasGoneBack) this.#reset(position, 'checkpoint_went_back');
    if (read.hasLost) this.#reset(position, 'log_truncated');
    if (read.records > 0) this.#tellChanges(read, position);
    else if (hasMoved) this.#sendListening({ kind: 'position', position });
    await this.#letJoin({ checkpoints, starts, places: read.places, position }, signal);
    if (!signal.aborted) await this.#deliveries.look(signal);
  }

  #tellChanges(read: ChangesRead, position: string): void {
    const messages = new ChangeMessages(read, position, this.#parts.clock.now(), this.#isWatched);
    for (const listener of [...this.#listening])
      for (const message of messages.for(listener)) listener.send(message);
  }

  async #letJoin(now: Now, signal: AbortSignal): Promise<void> {
    const caughtUp = new Map<string, CatchUp>();
    for (const listener of [...this.#joining]) {
      const { position } = listener;
      if (position !== null && !caughtUp.has(position)) {
        if (caughtUp.size === CATCH_UPS_MAX) continue;
        caughtUp.set(position, await this.#catchUp(position, now, this.#joiningAt(position)));
        if (signal.aborted) return;
      }
      // It may have left meanwhile.
      if (!this.#joining.delete(listener)) continue;
      this.#join(listener, position === null ? undefined : caughtUp.get(position), now);
    }
    // The next look lets others join, and need not wait for that.
    if (this.#joining.size > 0) this.#run?.waking.abort();
  }

  /** What the listeners ask for that come back to this position. */
  #joiningAt(position: string): IsAskedFor | null {
    const asked = [...this.#joining].filter((each) => each.position === position && each.entityIds.size > 0);
    return asked.length === 0 ? null : (entityId) => asked.some(({ entityIds }) => entityIds.has(entityId));
  }

  #join(listener: StreamListener, found: CatchUp | undefined, { position }: Now): void {
    this.#listening.add(listener);
    if (found === undefined) listener.send({ kind: 'position', position });
    else if ('reset' in found) listener.send({ kind: 'reset', position, reason: found.reset });
    else if (found.records === 0) listener.send({ kind: 'position', position });
    else {
      const messages = new ChangeMessages(found, position, this.#parts.clock.now(), (entityId) =>
        listener.entityIds.has(entityId),
      );
      for (const message of messages.for(listener)) listener.send(message);
    }
    if (this.#listening.has(listener)) this.#deliveries.add(listener);
  }

  /** Reads what lies between a listener's position and the places that the other listeners know. */
  async #catchUp(
    position: string,
    { checkpoints, starts, places }: Now,
    isAskedFor: IsAskedFor | null,
  ): Promise<CatchUp> {
    const known = placesOf(position, checkpoints);
    if (known === null) return { reset: 'position_unknown' };
    const from = new Map<string, bigint>();
    for (const checkpoint of checkpoints) {
      const name = partitionName(checkpoint);
      from.set(name, known.get(name) ?? (await starts.of(checkpoint)));
    }
    const ends = checkpoints.map(({ topic, partition, nextOffset }) => {
      const place = places.get(partitionName({ topic, partition }));
      return { topic, partition, nextOffset: place ?? nextOffset };
    });
    const distances = ends.map((end) => distance(from, end));
    if (distances.some((each) => each < 0n)) return { reset: 'position_ahead' };
    if (distances.reduce((sum, each) => sum + each, 0n) > BigInt(RECORDS_MAX))
      return { reset: 'too_far_back' };
    const read = await this.#reader.read(from, ends, isAskedFor);
    if (read.problem !== null) return { reset: 'log_unreadable' };
    if (read.hasLost) return { reset: 'log_truncated' };
    const isWhole = ends.every((end) => distance(read.places, end) <= 0n);
    return isWhole ? read : { reset: 'too_far_back' };
  }

  #reset(position: string, reason: ResetReason): void {
    this.#sendListening({ kind: 'reset', position, reason });
  }

  /** Tells the listeners once that the log cannot be followed, and once that it can again. */
  #note(problem: string | null): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#sendAll(this.#noteOf(problem));
  }

  #noteOf(problem: string | null): StreamMessage {
    return { kind: 'note', atMs: this.#parts.clock.now(), problem };
  }

  #sendListening(message: StreamMessage): void {
    for (const listener of [...this.#listening]) listener.send(message);
  }

  #sendAll(message: StreamMessage): void {
    for (const listener of [...this.#joining, ...this.#listening]) listener.send(message);
  }
}

/** What all listeners know after a look. */
interface Now {
  readonly checkpoints: readonly Checkpoint[];
  readonly starts: StartOffsets;
  readonly places: Places;
  readonly position: string;
}

/**
 * The places from which a look reads. The first look begins at the checkpoints, and a partition that comes later at its first
 * record. A place behind its checkpoint goes back to it.
 */
async function placesAt(
  known: Places | null,
  checkpoints: readonly Checkpoint[],
  starts: StartOffsets,
): Promise<{ readonly places: Places; readonly hasGoneBack: boolean }> {
  const places = new Map<string, bigint>();
  let hasGoneBack = false;
  for (const checkpoint of checkpoints) {
    const name = partitionName(checkpoint);
    const { nextOffset } = checkpoint;
    const place = known === null ? nextOffset : (known.get(name) ?? (await starts.of(checkpoint)));
    const isAhead = place > nextOffset;
    hasGoneBack ||= isAhead && known?.has(name) === true;
    places.set(name, isAhead ? nextOffset : place);
  }
  return { places, hasGoneBack };
}

function isSame(one: Places, other: Places): boolean {
  return one.size === other.size && [...one].every(([name, place]) => other.get(name) === place);
}

/** The messages about what one read found. Listeners to which the same is to tell get the same object. */
class ChangeMessages {
  readonly #read: ChangesRead;
  readonly #facts: { readonly kind: 'changes'; readonly position: string; readonly atMs: number };
  readonly #isWatched: (entityId: string) => boolean;
  readonly #tooMany: StreamMessage;
  #ofAll: StreamMessage | undefined;
  #ofNone: StreamMessage | undefined;
  #byEntity: Map<string, StreamedEvent[]> | undefined;

  constructor(read: ChangesRead, position: string, atMs: number, isWatched: (entityId: string) => boolean) {
    this.#read = read;
    this.#facts = { kind: 'changes', position, atMs };
    this.#isWatched = isWatched;
    this.#tooMany = { kind: 'reset', position, reason: 'too_many_changes' };
  }

  for({ entityIds }: StreamListener): readonly StreamMessage[] {
    if (entityIds.size === 0) {
      this.#ofAll ??= this.#messageOf(this.#read.events.slice(-NEWEST_EVENTS), true);
      return [this.#ofAll];
    }
    const own = this.#eventsOf(entityIds);
    const isLeftOut = this.#read.hasSkipped || own.length > OWN_EVENTS_MAX;
    if (own.length === 0 || isLeftOut) this.#ofNone ??= this.#messageOf([], false);
    const message = own.length === 0 || isLeftOut ? this.#ofNone : this.#messageOf(own, false);
    return [...(isLeftOut ? [this.#tooMany] : []), ...(message === undefined ? [] : [message])];
  }

  #eventsOf(entityIds: ReadonlySet<string>): StreamedEvent[] {
    this.#byEntity ??= Map.groupBy(
      this.#read.events.filter(({ entityId }) => this.#isWatched(entityId)),
      ({ entityId }) => entityId,
    );
    const groups = [...entityIds].flatMap((entityId) => this.#byEntity?.get(entityId) ?? []);
    return groups.sort((one, other) => one.timestampMs - other.timestampMs);
  }

  #messageOf(events: readonly StreamedEvent[], ofAll: boolean): StreamMessage {
    const { records } = this.#read;
    return { ...this.#facts, records, events, more: ofAll ? records - events.length : 0 };
  }
}

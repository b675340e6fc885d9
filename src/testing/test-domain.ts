import { SeededClock } from '../adapters/seeded-clock.ts';
import type { Domain, JsonObject } from '../core/domain.ts';
import { historyOf, versionOf } from '../core/fold.ts';
import { arrivalOf, smallest, subsetsOf } from './arrivals.ts';
import {
  asksNobody,
  foldsWithoutChanging,
  type Law,
  sameForEveryArrival,
  shownOnce,
  stagesRise,
} from './fold-laws.ts';
import { DomainMistake, type Finding } from './mistakes.ts';
import { differenceIn, openKitStores, rowsIn } from './store-laws.ts';
import { inSequence, type Sample, type Shown, Subject } from './subject.ts';
import { tryVariants } from './variant-laws.ts';
import { showsTheState, takesAlteredRows } from './view-laws.ts';

export interface TestOptions {
  /** The same seed tries the same arrivals. Default: 1. */
  readonly seed?: number;
  /** The number of arrivals of each entity that are tried, and of sets of events with gaps. Default: 100. */
  readonly runs?: number;
}

/** The most domains that are made for the arrivals of one entity. */
const NEW_DOMAINS_MAX = 10;

/** What was tried without finding a mistake. */
export interface DomainReport {
  readonly entities: number;
  readonly events: number;
  readonly arrivals: number;
  readonly stores: readonly string[];
}

/** Domains are pure, so a test gets the domain itself, or makes a new one for each run if it may keep something. */
export type TestedDomain = Domain<unknown, unknown> | (() => Domain<unknown, unknown>);

/**
 * Tries whether a domain keeps what the engine relies on. `samples` are bodies of valid events, of each entity in the sequence in
 * which they happened; five to ten of one or two entities are enough. The kit lets them arrive late, twice and in pieces, leaves
 * some out, varies their fields, freezes states, and compares what the store in memory and SQLite show.
 *
 * Rejects with a `DomainMistake`, whose message names the mistake, the smallest history that shows it, and the remedy. Needs no
 * test runner, and takes about a second.
 */
export async function testDomain(
  domain: TestedDomain,
  samples: readonly object[],
  { seed = 1, runs = 100 }: TestOptions = {},
): Promise<DomainReport> {
  const fresh = () => new Subject(typeof domain === 'function' ? domain() : domain);
  const clock = new SeededClock({ seed, time: 'immediately' });
  const subject = fresh();
  const entities = entitiesOf(subject, samples as readonly JsonObject[]);
  const laws: readonly Law[] = [asksNobody, foldsWithoutChanging];
  // A new domain compiles its schemas, which takes some milliseconds.
  const arrivals = typeof domain === 'function' ? Math.min(runs, NEW_DOMAINS_MAX) : runs;
  const first = firstShown(subject, entities);
  const purity = sameForEveryArrival({ fresh, dice: clock, runs: arrivals, first });
  for (const entity of entities.values()) {
    for (const law of laws) mustHold(subject, law, entity);
    for (const subset of subsetsOf(entity, clock, runs)) {
      mustHold(subject, foldsWithoutChanging, subset);
      mustHold(subject, showsTheState, subset);
    }
    mustHold(subject, purity, entity);
    mustHold(subject, stagesRise, entity);
  }
  report(subject, takesAlteredRows(subject, clock), []);
  for (const entity of entities.values()) {
    const varied = tryVariants(subject, entity);
    if (varied !== null) report(subject, varied.finding, varied.samples);
  }
  const stores = await compareStores(subject, [...entities.values()], clock);
  return { entities: entities.size, events: samples.length, arrivals: entities.size * arrivals, stores };
}

/** What the domain shows before it has seen anything else. Without the entities whose fold throws: a law reports them. */
function firstShown(
  subject: Subject,
  entities: ReadonlyMap<string, readonly Sample[]>,
): Map<readonly Sample[], Shown> {
  const first = new Map<readonly Sample[], Shown>();
  for (const [id, samples] of entities) {
    try {
      first.set(samples, shownOnce(subject, samples, id));
    } catch {}
  }
  return first;
}

/** The samples by entity. Throws for a sample that the domain refuses. */
function entitiesOf(subject: Subject, bodies: readonly JsonObject[]): Map<string, Sample[]> {
  if (bodies.length === 0) throw new TypeError('Give the kit at least one sample of an event.');
  const entities = new Map<string, Sample[]>();
  for (const body of bodies) {
    const decoded = subject.decode(body);
    if (decoded.kind === 'rejected') {
      const { reason, detail } = decoded.record;
      const mistake = reason === 'event_not_understood' ? 'to_event_throws' : 'sample_refused';
      throw new DomainMistake(
        subject.domain.name,
        { mistake, what: `It refuses a sample for ${reason}. ${detail}` },
        [body],
      );
    }
    const { event } = decoded;
    entities.set(event.entityId, [...(entities.get(event.entityId) ?? []), { body, event }]);
  }
  return entities;
}

/** Throws if the law does not hold, with the smallest set of these events that breaks it in the same way. */
function mustHold(subject: Subject, law: Law, samples: readonly Sample[]): void {
  const found = law(subject, samples);
  if (found === null) return;
  const few = smallest(samples, (fewer) => law(subject, fewer)?.mistake === found.mistake);
  report(subject, law(subject, few) ?? found, few);
}

function report(subject: Subject, finding: Finding | null, samples: readonly Sample[]): void {
  if (finding === null) return;
  const isAboutSequence = finding.mistake === 'stage_backwards';
  const shown = isAboutSequence ? samples : inSequence(samples);
  throw new DomainMistake(
    subject.domain.name,
    finding,
    shown.map(({ body }) => body),
  );
}

/** Lets all events arrive at each store, and compares the rows with the fold. Resolves with the names of the stores. */
async function compareStores(
  subject: Subject,
  entities: readonly (readonly Sample[])[],
  clock: SeededClock,
): Promise<string[]> {
  const pieces = arrivalOf(entities.flat(), clock);
  const expected = new Map(
    entities.map((samples) => {
      const history = historyOf(
        subject.folding,
        samples.map(({ event }) => event),
      );
      const { row } = subject.shown(history.state);
      return [samples[0]?.event.entityId ?? '', { row, version: versionOf(history) }] as const;
    }),
  );
  const stores = await openKitStores(clock);
  try {
    for (const store of stores) {
      const difference = differenceIn(expected, await rowsIn(subject, store, pieces, clock), store.name);
      if (difference === null) continue;
      const samples = entities.find(([first]) => first?.event.entityId === difference.entityId) ?? [];
      report(subject, { mistake: 'stores_differ', what: difference.what }, samples);
    }
    return stores.map(({ name }) => name);
  } finally {
    for (const store of stores) await store.close();
  }
}

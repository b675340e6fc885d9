import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type History, type Sequenced, versionOf } from '../../../src/core/fold.ts';
import { keyOf } from '../../../src/core/long-history.ts';
import { HistoryCache } from '../../../src/pipeline/ingest/history-cache.ts';
import { command, holds, sequences } from '../../helpers/properties.ts';

type Text = History<string, string>;
type Real = HistoryCache<string, string>;

const LIMIT = 20;

/** A log of all uses since the cache was last emptied, and the histories that an entity may have. */
class Model {
  /** One for each entity, or two where nobody knows whether the later one was still there when the older one came. */
  possible = new Map<string, readonly Text[]>();
  used: { readonly entityId: string; readonly events: number }[] = [];
  generation = 0;
  histories = 0;

  use(entityId: string, { events }: Text): void {
    this.used.push({ entityId, events: events.length });
  }

  clear(): void {
    this.possible = new Map();
    this.used = [];
  }

  /** The entities used last whose histories together fit into half of the cache. */
  get inUse(): Set<string> {
    const weights = new Map<string, number>();
    for (const { entityId, events } of this.used.toReversed()) {
      const weight = Math.max(events, weights.get(entityId) ?? 0);
      const others = [...weights].filter(([other]) => other !== entityId).map(([, other]) => other);
      if (others.reduce((sum, other) => sum + other, weight) > LIMIT / 2) break;
      weights.set(entityId, weight);
    }
    return new Set(weights.keys());
  }
}

function eventOf(history: number, index: number): Sequenced<string> {
  const contentHash = `${history}`.padStart(64, '0');
  const place = { position: index, occurredAtMs: history, cautionRank: -index };
  return { ...place, eventId: `event-${index}-ä`, contentHash, event: `${history}` };
}

/** The event with fields of its own. */
function plain(event: Sequenced<string>): Sequenced<string> {
  return { ...keyOf(event), event: event.event };
}

function expectKnown(model: Model, real: Real, entityId: string): void {
  const isInUse = model.inUse.has(entityId);
  const possible = model.possible.get(entityId) ?? [];
  const found = real.get(entityId);
  if (found === undefined) {
    expect(isInUse && possible.length > 0, `${entityId} is in use`).toBe(false);
    model.possible.delete(entityId);
    return;
  }
  // An outdated history would cost a stale batch each time.
  const known = possible.find(({ state }) => state === found.state);
  expect(known, entityId).toBeDefined();
  expect({ ...found, events: found.events.map(plain) }).toEqual(known);
  model.possible.set(entityId, known === undefined ? [] : [known]);
  model.use(entityId, found);
}

const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');

const gets = ids.map((entityId) =>
  command<Model, Real>(`${entityId} is got`, (model, real) => expectKnown(model, real, entityId)),
);

const sets = fc
  .tuple(ids, fc.integer({ min: 0, max: 12 }), fc.constantFrom(0, 0, 0, 1_000))
  .map(([entityId, length, earlier]) =>
    command<Model, Real>(`${entityId} is set to ${earlier} and ${length} events`, (model, real) => {
      const history: Text = {
        events: Array.from({ length }, (_, index) => eventOf(model.histories, index)),
        state: String(model.histories++),
        ...(earlier === 0 ? {} : { earlier: { count: earlier, last: null, state: '' } }),
      };
      const isInUse = model.inUse.has(entityId);
      const later = (model.possible.get(entityId) ?? []).filter((one) => versionOf(one) > versionOf(history));
      real.set(entityId, history);
      // A late answer of another lane brings an older history. The later one stays if it is still there.
      if (later.length > 0 && isInUse) return;
      // If it stays, that was no use of it. If not, the older one takes room from others.
      model.use(later.length > 0 ? `perhaps ${entityId}` : entityId, history);
      const isKept = length <= LIMIT / 2;
      model.possible.set(entityId, isKept ? [...later, history] : later);
    }),
  );

const clears = fc.constant(
  command<Model, Real>('the cache is cleared', (model, real) => {
    real.clear();
    model.clear();
  }),
);

const believes = fc.boolean().map((isSame) =>
  command<Model, Real>(`the store's generation is ${isSame ? 'the same' : 'another'}`, (model, real) => {
    if (!isSame) {
      model.generation++;
      model.clear();
    }
    real.believe(model.generation);
  }),
);

it('the cache gives the latest history or none, and has those that are in use', () => {
  const commands = [
    { weight: 4, arbitrary: gets },
    { weight: 6, arbitrary: sets },
    clears,
    { weight: 2, arbitrary: believes },
  ];
  holds(
    fc.property(sequences(commands, 80), (steps) => {
      const [model, real] = [new Model(), new HistoryCache<string, string>(LIMIT)];
      fc.modelRun(() => ({ model, real }), steps);
      expect(real.events).toBeLessThanOrEqual(LIMIT);
      for (const entityId of ['a', 'b', 'c', 'd', 'e', 'f']) expectKnown(model, real, entityId);
    }),
    400,
  );
});

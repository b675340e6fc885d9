import { setImmediate } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { type OrderEvent, type OrderState, orders } from '../../../src/orders/index.ts';
import { createDecoder } from '../../../src/pipeline/decode/decoder.ts';
import { Defects } from '../../../src/pipeline/defects.ts';
import { DueRules } from '../../../src/pipeline/ingest/due.ts';
import { ParkedRegistry } from '../../../src/pipeline/ingest/parked.ts';
import { Verifier, type VerifierOptions } from '../../../src/pipeline/verify/verifier.ts';
import type { EntityRecord } from '../../../src/ports/verification.ts';

type Options = VerifierOptions<OrderState, OrderEvent>;

/** A verifier in a time that stands until it is moved. Its store has the given entities, which have no events. */
export class VerifierPlace {
  readonly clock = new SeededClock({ seed: 3 });
  readonly logged: string[] = [];
  readonly failures: unknown[] = [];
  readonly defects: Defects;
  readonly parked = new ParkedRegistry();
  readonly verifier: Verifier<OrderState, OrderEvent>;
  /** The ids behind which pages were asked for. */
  readonly asked: (string | null)[] = [];
  /** The number of times that the parked entities were read. */
  parkedReads = 0;
  /** Called before each page, with the number of those asked for so far. */
  beforePage: (asked: number) => Promise<void> | void = () => {};
  /** Called before entities are read. */
  beforeRead: (ids: readonly string[]) => void = () => {};

  #isOver = false;

  constructor(ids: readonly string[], { store, ...facts }: Partial<Options> = {}) {
    const { clock, logged, failures } = this;
    this.defects = new Defects(clock, (level, message) => logged.push(`${level}: ${message}`));
    this.verifier = new Verifier({
      domain: orders,
      decoder: createDecoder(orders, {
        topicNames: { order_events: 'order_events', payment_events: 'payment_events' },
      }),
      due: new DueRules([]),
      targetsFromBeginning: new Set(),
      store: store ?? this.#store(ids),
      parked: this.parked,
      clock,
      logger: (level, message) => logged.push(`${level}: ${message}`),
      defects: this.defects,
      onFailure: (error) => failures.push(error),
      ...facts,
    });
    onTestFinished(() => {
      this.#isOver = true;
      return this.verifier.stop();
    });
  }

  #store(ids: readonly string[]): Options['store'] {
    const store: Partial<Options['store']> = {
      listEntities: async ({ after, limit }) => {
        this.asked.push(after);
        await this.beforePage(this.asked.length);
        return ids.filter((id) => after === null || id > after).slice(0, limit);
      },
      readEntities: async (some) => {
        this.beforeRead(some);
        return some.map((entityId): EntityRecord => {
          const nothing = { version: 0, journal: [], row: null, isParked: false, ledger: [] };
          return { entityId, ...nothing };
        });
      },
      listParked: async () => {
        this.parkedReads++;
        return [];
      },
    };
    return store as Options['store'];
  }

  /** Moves time to the end of the present rest, if there is one. Resolves when the verifier rests again, with how long. */
  async rest(): Promise<number> {
    const { clock } = this;
    if (clock.nextWakeMs !== null) await clock.advance(clock.nextWakeMs);
    while (clock.nextWakeMs === null && !this.#isOver) await setImmediate();
    return clock.nextWakeMs ?? Number.NaN;
  }

  async rests(count: number): Promise<number[]> {
    const rests: number[] = [];
    while (rests.length < count) rests.push(await this.rest());
    return rests;
  }
}

/** Ids of three pages: two of 100, and one of 50. */
export const THREE_PAGES = Array.from({ length: 250 }, (_, index) => `id ${1_000 + index}`);

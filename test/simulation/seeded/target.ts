import { hash } from 'node:crypto';
import type { ViewRow, ViewValue } from '../../../src/core/domain.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import type {
  DeliveriesSettled,
  Delivery,
  DeliveryOutcome,
  DeliveryTarget,
} from '../../../src/ports/delivery-target.ts';
import type { HeldState, TargetHoldings } from '../../../src/ports/target-holdings.ts';
import type { Chance } from '../scheduler.ts';
import type { Agenda } from './agenda.ts';
import type { TargetTrouble, TargetWeather } from './history.ts';
import type { SimulatedProcess } from './process.ts';
import { orderIdOf } from './records.ts';

const COLUMNS = ['order_status', 'payment_status', 'review_status', 'ready_to_send'] as const;

export interface TargetWatcher {
  /** Called when a request reaches the target, before it changes anything there. */
  received(delivery: Delivery, by: SimulatedProcess): void;
}

export interface TargetOptions {
  readonly name: string;
  readonly agenda: Agenda;
  readonly chance: Chance;
  readonly meanMs: number;
  /** The most that a slow request takes, and a repeated one comes late. */
  readonly slowMs: number;
  readonly maxBatch: number;
  readonly watcher: TargetWatcher;
}

interface Held {
  readonly version: number;
  readonly row: ViewRow;
}

/** What becomes of a request, or of one state in it. */
interface Fate {
  readonly isStored: boolean;
  readonly outcome: Omit<DeliveryOutcome, 'latencyMs'>;
}

const ACCEPTED: Fate['outcome'] = {
  verdict: 'delivered',
  status: 200,
  answer: '',
  error: null,
  retryAfterMs: null,
};

function failed(status: number | null, error: string, more: Partial<Fate['outcome']> = {}): Fate {
  return { isStored: false, outcome: { ...ACCEPTED, verdict: 'retry', status, error, ...more } };
}

/** `lies`: it says that it has stored a state, and has not. `forgets` does not change answers: it loses what it holds. */
const FATES: Readonly<Record<TargetTrouble, Fate>> = {
  slow: { isStored: true, outcome: ACCEPTED },
  loses_answers: { ...failed(null, 'The answer was lost.'), isStored: true },
  closes: failed(null, 'The connection was closed.'),
  fails: failed(503, 'It answered 503.'),
  refuses: failed(422, 'It answered 422.', { verdict: 'park' }),
  unauthorised: failed(401, 'It answered 401.'),
  throttles: failed(429, 'It answered 429.', { verdict: 'throttle', retryAfterMs: 2_000 }),
  lies: { isStored: false, outcome: ACCEPTED },
  forgets: { isStored: true, outcome: ACCEPTED },
  duplicates: { isStored: true, outcome: ACCEPTED },
};
const OTHER_PAYLOAD = failed(422, 'It knows the id with another payload.', { verdict: 'park' }).outcome;
const STORED: Fate = { isStored: true, outcome: ACCEPTED };

/** A target as the contract asks for: it stores each version once, and ignores older ones. It keeps what it holds for ever. */
export class SimulatedTarget {
  readonly name: string;
  readonly held = new Map<string, Held>();
  /** By delivery id. */
  readonly #payloads = new Map<string, string>();
  readonly #options: TargetOptions;
  #weather: readonly TargetWeather[] = [];
  /** Whether it has told of a state that it did not store, or has lost one. Only a sweep finds that out. */
  hasDeceived = false;

  constructor(options: TargetOptions) {
    this.name = options.name;
    this.#options = options;
  }

  set weather(weather: readonly TargetWeather[]) {
    this.#weather = weather;
  }

  /** The disk of the target loses some of what it holds. */
  forget(): void {
    const { chance } = this.#options;
    for (const entityId of [...this.held.keys()]) {
      if (!chance.happens(0.5)) continue;
      this.held.delete(entityId);
      this.hasDeceived = true;
    }
  }

  /** The target as one process reaches it. */
  connect(process: SimulatedProcess): DeliveryTarget {
    const { agenda, maxBatch } = this.#options;
    return {
      name: this.name,
      maxDeliveryBatch: maxBatch,
      deliver: (deliveries, signal, settled) => {
        const sentAtMs = agenda.monotonicMs();
        void this.#answers(deliveries, process).then(async (outcomes) => {
          await process.runs();
          const latencyMs = agenda.monotonicMs() - sentAtMs;
          end(outcomes.map((outcome) => ({ ...outcome, latencyMs })));
        });
        let isEnded = false;
        const end: DeliveriesSettled = (outcomes) => {
          if (isEnded) return;
          isEnded = true;
          signal.removeEventListener('abort', abort);
          settled(outcomes);
        };
        const abort = () =>
          queueMicrotask(() =>
            end(
              deliveries.map(() => ({
                ...failed(null, 'It was given up.', { verdict: 'unknown' }).outcome,
                latencyMs: 0,
              })),
            ),
          );
        signal.addEventListener('abort', abort);
      },
      close: async () => {},
    };
  }

  /** What it says that it holds, as one process asks it. */
  holdings(process: SimulatedProcess): TargetHoldings {
    const statesOf = async (after: string | null): Promise<HeldState[]> => {
      await this.#travel(process);
      if (this.#strikes('closes') || this.#strikes('fails'))
        throw new TributaryError('target_unreachable', 'The simulated target does not answer.');
      return [...this.held]
        .map(([entityId, { version, row }]) => ({ entityId, version, row }))
        .filter(({ entityId }) => after === null || entityId > after)
        .sort((left, right) => (left.entityId < right.entityId ? -1 : 1));
    };
    return {
      page: async ({ after, limit }) => {
        const states = await statesOf(after);
        return { states: states.slice(0, limit), hasMore: states.length > limit };
      },
      digest: async ({ after, limit }) => {
        const states = (await statesOf(after)).slice(0, limit);
        return { count: states.length, digest: hash('sha256', states.map(lineOf).join('')) };
      },
      close: async () => {},
    };
  }

  async #answers(
    deliveries: readonly Delivery[],
    process: SimulatedProcess,
  ): Promise<Omit<DeliveryOutcome, 'latencyMs'>[]> {
    await this.#travel(process);
    if (!process.takesStep()) await process.runs();
    if (this.#strikes('slow'))
      await this.#options.agenda.sleep(this.#options.chance.number() * this.#options.slowMs);
    const whole = this.#troubleOfAll();
    const outcomes = deliveries.map((delivery) => {
      const { isStored, outcome } = whole ?? this.#fateOf(delivery);
      this.#options.watcher.received(delivery, process);
      if (this.#strikes('duplicates')) this.#storeLater(delivery);
      if (isStored) return this.#store(delivery) || outcome.verdict !== 'delivered' ? outcome : OTHER_PAYLOAD;
      if (outcome.verdict === 'delivered') this.hasDeceived = true;
      return outcome;
    });
    await this.#travel(process);
    return outcomes;
  }

  /** A network repeats a request, long after it was answered. */
  #storeLater(delivery: Delivery): void {
    const { agenda, chance, slowMs } = this.#options;
    agenda.after(chance.number() * slowMs, () => this.#store(delivery));
  }

  /** Stores what is new, by the two rules of docs/being-a-target.md. Says false if it knows the id with another payload. */
  #store({ deliveryId, entityId, version, body }: Delivery): boolean {
    const payload = JSON.stringify({ ...body, replaces: undefined });
    const known = this.#payloads.get(deliveryId) ?? payload;
    if (known !== payload) return false;
    this.#payloads.set(deliveryId, payload);
    const held = this.held.get(entityId);
    const row = COLUMNS.map((column) => body[column] as ViewValue);
    const isRepair =
      held?.version === version &&
      body.replaces !== undefined &&
      body.replaces === hash('sha256', lineOf({ entityId, ...held }));
    if (held === undefined || held.version < version || isRepair) this.held.set(entityId, { version, row });
    return true;
  }

  /** A trouble that strikes requests as a whole: the network knows no single states. */
  #troubleOfAll(): Fate | null {
    for (const trouble of ['closes', 'loses_answers', 'fails', 'unauthorised', 'throttles'] as const) {
      if (this.#strikes(trouble)) return FATES[trouble];
    }
    return null;
  }

  #fateOf({ entityId }: Delivery): Fate {
    const { chance } = this.#options;
    for (const weather of this.#weather) {
      const { orders, trouble } = weather;
      if (orders.length > 0 && !orders.some((order) => orderIdOf(order) === entityId)) continue;
      if (chance.happens(weather.chance)) return FATES[trouble];
    }
    return STORED;
  }

  #strikes(trouble: TargetTrouble): boolean {
    const { chance } = this.#options;
    return this.#weather.some(
      (weather) =>
        weather.trouble === trouble && weather.orders.length === 0 && chance.happens(weather.chance),
    );
  }

  async #travel(process: SimulatedProcess): Promise<void> {
    const { agenda, chance, meanMs } = this.#options;
    await process.runs();
    await agenda.sleep(chance.number() * 2 * meanMs);
  }
}

/** One line of a digest. Source: docs/being-a-target.md. */
function lineOf({ entityId, row, version }: HeldState): string {
  return `${JSON.stringify([entityId, ...row, version])}\n`;
}

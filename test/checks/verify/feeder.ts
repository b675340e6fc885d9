/** Publishes orders, and keeps publishing events at a rate. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningCheck } from '../lib/command.ts';
import type { Publisher } from '../lib/kafka-client.ts';
import type { RawRecord, Topics } from '../oracle.ts';

const RECORDS_PER_REQUEST = 4_000;
const TICK_MS = 100;
const STARTED_MS = Date.UTC(2025, 0, 1);
/** The lives of orders, one after the other: the statuses behind the creation. Only the third one is not ready. */
const LIVES: readonly (readonly string[])[] = [
  ['PAYMENT_AUTHORIZED'],
  ['PAYMENT_AUTH_WITHPENDING_REVIEW', 'AUTHORIZATION_REVIEW_ACCEPTED'],
  ['PAYMENT_AUTH_WITHPENDING_REVIEW'],
  ['PAYMENT_AUTHORIZED', 'PAYMENT_AUTHORIZED'],
];
const LATER = [
  'PAYMENT_AUTHORIZED',
  'PAYMENT_AUTH_WITHPENDING_REVIEW',
  'AUTHORIZATION_REVIEW_ACCEPTED',
  'AUTHORIZATION_REVIEW_DECLINED',
];

export class Feeder {
  readonly #publisher: Publisher;
  readonly #topics: Topics;
  readonly #stopping = new AbortController();
  #feeding: Promise<void> = Promise.resolve();
  #published = 0;

  constructor(publisher: Publisher, topics: Topics) {
    this.#publisher = publisher;
    this.#topics = topics;
  }

  /** The number of records that were acknowledged. */
  get published(): number {
    return this.#published;
  }

  /** Publishes this number of orders as fast as the log takes them. */
  async fill(check: RunningCheck, orders: number): Promise<void> {
    let batch: RawRecord[] = [];
    for (let index = 0; index < orders; index++) {
      batch.push(...this.#lifeOf(orderId(index), index));
      if (batch.length < RECORDS_PER_REQUEST) continue;
      check.signal.throwIfAborted();
      await this.#publish(batch);
      batch = [];
    }
    if (batch.length > 0) await this.#publish(batch);
  }

  /**
   * Publishes events at a rate until `stop`: half of them of new orders, and half of the first `busy` orders, in any
   * sequence of time.
   */
  start(perSecond: number, busy: number): void {
    const { signal } = this.#stopping;
    this.#feeding = (async () => {
      const beganMs = performance.now();
      const before = this.#published;
      for (let turn = 0; !signal.aborted; turn++) {
        const owed = ((performance.now() - beganMs) / 1_000) * perSecond - (this.#published - before);
        const batch: RawRecord[] = [];
        for (let index = 0; batch.length < Math.min(owed, RECORDS_PER_REQUEST); index++) {
          batch.push(...this.#lifeOf(`fed-${turn}-${index}`, index));
          const id = orderId(Math.floor(Math.random() * busy));
          const status = LATER[Math.floor(Math.random() * LATER.length)] as string;
          for (let count = 0; count < 2; count++) batch.push(this.#payment(id, status, Math.random() * 1e9));
        }
        if (batch.length > 0) await this.#publish(batch);
        await sleep(TICK_MS);
      }
    })();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#feeding;
  }

  async #publish(batch: readonly RawRecord[]): Promise<void> {
    await this.#publisher.publish(batch);
    this.#published += batch.length;
  }

  #lifeOf(id: string, index: number): RawRecord[] {
    const life = LIVES[index % LIVES.length] ?? [];
    const created = this.#record(this.#topics.order, id, { eventType: 'ORDER', orderStatus: 'CREATED' }, 0);
    return [created, ...life.map((status, step) => this.#payment(id, status, (step + 1) * 1_000))];
  }

  #payment(id: string, paymentStatus: string, afterMs: number): RawRecord {
    return this.#record(this.#topics.payment, id, { eventType: 'PAYMENT', paymentStatus }, afterMs);
  }

  #record(topic: string, orderId: string, fields: object, afterMs: number): RawRecord {
    const timestamp = new Date(STARTED_MS + Math.floor(afterMs)).toISOString();
    const value = Buffer.from(JSON.stringify({ ...fields, orderId, timestamp }));
    return { topic, key: Buffer.from(orderId), value, headers: [] };
  }
}

export function orderId(index: number): string {
  return `order-${String(index).padStart(8, '0')}`;
}

/** Whether the order of this index is ready after its life. */
export function isReady(index: number): boolean {
  return index % LIVES.length !== 2;
}

/** Whether the last event of this life made the order ready. The fourth life ends with an event that changes nothing. */
export function isDeliveredLast(index: number): boolean {
  return index % LIVES.length < 2;
}

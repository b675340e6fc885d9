import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashCharacters } from '../../src/core/key-pack.ts';
import type { JournaledEvent } from '../../src/ports/journal.ts';
import { EventPack, PackedEvent } from '../../src/ports/packed-event.ts';
import { holds } from '../helpers/properties.ts';

const PLACE = { topic: 'order_events', partition: 3 };
const OBSERVED_AT_MS = 1_764_000_000_000;
const TRACE = { traceParent: `00-${'a1'.repeat(16)}-${'b2'.repeat(8)}-01` };

const parts = fc.record({
  entityId: fc.constantFrom('order-1', 'ö'),
  position: fc.integer({ min: 1, max: 5 }),
  occurredAtMs: fc.nat(),
  cautionRank: fc.integer({ min: -2, max: 2 }),
  eventId: fc.string({ unit: 'binary', minLength: 1, maxLength: 40, size: 'max' }),
  contentHash: fc.constantFrom('ab'.repeat(32), '01'.repeat(32)),
  eventType: fc.constantFrom('ORDER', 'PAYMENT', 'REFUND'),
  hasRevision: fc.boolean(),
  gap: fc.integer({ min: 1, max: 1_000 }),
  data: fc.constantFrom('{}', '{"a":"é"}', `{"b":"${'😀'.repeat(500)}"}`),
  isText: fc.boolean(),
  isTraced: fc.boolean(),
});

describe('a pack of events', () => {
  it('every event has the fields with which it was added', () => {
    holds(
      fc.property(
        fc.array(parts, { minLength: 1, maxLength: 12, size: 'max' }),
        fc.bigInt({ min: 0n, max: 2n ** 63n - 100_000n }),
        (list, first) => {
          const pack = new EventPack(PLACE, OBSERVED_AT_MS, 1, Buffer.alloc(0));
          let offset = first;
          const events = list.map(
            ({ gap, hasRevision, isText, isTraced, entityId, contentHash, data, ...rest }) => {
              offset += BigInt(gap);
              const plain: JournaledEvent = {
                ...PLACE,
                ...rest,
                entityId,
                contentHash,
                revision: hasRevision ? rest.position : null,
                observedAtMs: OBSERVED_AT_MS,
                offset,
                data,
                trace: isTraced ? TRACE : undefined,
              };
              const index = pack.add({
                ...rest,
                hash: hashCharacters(contentHash),
                hasRevision,
                offset,
                body: isText ? data : Buffer.from(data),
                trace: isTraced ? TRACE : null,
              });
              return { plain, packed: new PackedEvent(pack, index, null, entityId) };
            },
          );
          // A thread sees the same in its copy, wherever that lies.
          const memory = new SharedArrayBuffer(64 + pack.byteLength);
          const copy = EventPack.copied(structuredClone(pack.copyTo(memory, 64)), memory);
          for (const { plain, packed } of events) {
            const copied = new PackedEvent(copy, packed.index, null, packed.entityId);
            for (const name of Object.keys(plain) as (keyof JournaledEvent)[]) {
              expect(packed[name], name).toEqual(plain[name]);
              expect(copied[name], name).toEqual(plain[name]);
            }
          }
          expect(pack.bodyBytes).toBe(list.reduce((sum, { data }) => sum + Buffer.byteLength(data), 0));
        },
      ),
      200,
    );
  });

  it('the bodies can be asked for until they are dropped, and the keys stay', () => {
    const memory = Buffer.alloc(1_024);
    const pack = new EventPack(PLACE, OBSERVED_AT_MS, 1, memory);
    const key = { position: 2, occurredAtMs: 7, cautionRank: 1, eventId: 'event-1' };
    const hash = hashCharacters('ab'.repeat(32));
    const index = pack.add({
      ...key,
      hash,
      eventType: 'ORDER',
      hasRevision: false,
      offset: 5n,
      body: '{}',
      trace: TRACE,
    });
    const event = new PackedEvent(pack, index, null, 'order-1');
    expect(event.data).toBe('{}');
    expect(pack.dropBodies()).toBe(memory);
    expect(pack.dropBodies()).toBeNull();
    expect(() => event.data).toThrow('after its commit');
    expect(event.trace).toBeUndefined();
    expect(event).toMatchObject({ ...key, contentHash: 'ab'.repeat(32), offset: 5n, entityId: 'order-1' });
  });
});

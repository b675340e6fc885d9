import { describe, expect, it } from 'vitest';
import type { Status } from '../../console/src/api/types.ts';
import { narrowLayout, wideLayout } from '../../console/src/pages/home/flow-layout.ts';
import { type FlowRates, flowInWords, flowOf } from '../../console/src/pages/home/flow-model.ts';

type Partition = Status['partitions'][number];
type Outbox = Status['outbox'][number];

const partition = (topic: string, number: number, change: Partial<Partition> = {}): Partition => ({
  name: `${topic}/${number}`,
  topic,
  partition: number,
  nextOffset: '10',
  logStartOffset: '0',
  logEndOffset: '10',
  highWatermark: '10',
  lagMessages: 0,
  lagSeconds: 0,
  lagClock: null,
  lagUnknown: null,
  waitsForTransaction: null,
  haltReason: null,
  hold: null,
  epoch: '1',
  isOwnedHere: true,
  ...change,
});

const NONE = { count: 0, isMore: false };

const outbox = (target: string, change: Partial<Outbox> = {}): Outbox => ({
  target,
  due: NONE,
  first: NONE,
  retries: NONE,
  dead: NONE,
  oldestAgeSeconds: null,
  mayBeOlder: false,
  lastFailure: null,
  lastSweep: null,
  hold: null,
  ...change,
});

const status = (change: Partial<Status> = {}): Status => ({
  at: '2026-11-22T10:00:00Z',
  verdict: 'ok',
  attention: [],
  log: { state: 'ok' },
  store: { state: 'ok' },
  lag: { seconds: 0, messages: 0 },
  partitions: [partition('order_events', 0), partition('order_events', 1), partition('payment_events', 0)],
  outbox: [outbox('order-mgt')],
  quarantine: [],
  parked: NONE,
  instance: null,
  ...change,
});

const rates: FlowRates = {
  topics: new Map([['order_events', { arriving: 12, reading: 11 }]]),
  journaled: 11,
  refused: 0,
  due: 3,
  delivered: { 'order-mgt': 2.5 },
};

const nodeOf = (from: Status, id: string) => flowOf(from, rates).nodes.find((node) => node.id === id);

describe('flowOf', () => {
  it('shows topics, journal, quarantine, targets and dead letters, with the rates between them', () => {
    const flow = flowOf(status(), rates);
    expect(flow.nodes.map(({ id }) => id)).toEqual([
      'topic:order_events',
      'topic:payment_events',
      'journal',
      'quarantine',
      'target:order-mgt',
      'dead',
    ]);
    expect(flow.edges.map(({ label }) => label)).toEqual([
      '12/s in',
      '…',
      '0/s refused',
      '2.5/s delivered',
      '',
    ]);
    expect(flow.nodes.every(({ state, trouble }) => state === 'flows' && trouble === null)).toBe(true);
  });

  it('says which partition stands still', () => {
    const halted = status({
      partitions: [
        partition('order_events', 0),
        partition('order_events', 1, { haltReason: 'corrupt_batch' }),
      ],
    });
    expect(nodeOf(halted, 'topic:order_events')).toMatchObject({
      state: 'stuck',
      trouble: 'order_events/1 stands still until you decide where it goes on.',
    });
  });

  it('tells a pause, an unknown lag and a long lag from a halt', () => {
    const withPartition = (change: Partial<Partition>) =>
      nodeOf(status({ partitions: [partition('order_events', 0, change)] }), 'topic:order_events');
    expect(withPartition({ hold: 'by ops' })).toMatchObject({
      state: 'slow',
      trouble: 'order_events/0 is paused.',
    });
    expect(withPartition({ lagUnknown: 'no leader' })).toMatchObject({ state: 'unknown' });
    expect(withPartition({ lagSeconds: 125, lagMessages: 9 })).toMatchObject({
      state: 'slow',
      trouble: 'order_events is 2 min behind.',
    });
  });

  it('says why a target takes nothing', () => {
    const target = (change: Partial<Outbox>) => nodeOf(status({ outbox: [outbox('t', change)] }), 'target:t');
    expect(target({ hold: 'by ops' })).toMatchObject({ state: 'slow' });
    expect(target({ due: { count: 4, isMore: false }, oldestAgeSeconds: 90 })).toMatchObject({
      state: 'slow',
      trouble: 'A state for t has been due for 1 min.',
    });
  });

  it('says in words what waits in quarantine and among the dead letters', () => {
    const waiting = status({
      quarantine: [{ topic: 't', reason: 'json_invalid', records: 3, isMore: false }],
      outbox: [outbox('t', { dead: { count: 2, isMore: false } })],
    });
    expect([nodeOf(waiting, 'quarantine')?.trouble, nodeOf(waiting, 'dead')?.trouble]).toEqual([
      '3 refused records wait for somebody to settle them.',
      '2 deliveries are dead: they are not tried again by themselves.',
    ]);
    expect([nodeOf(status(), 'quarantine')?.trouble, nodeOf(status(), 'dead')?.trouble]).toEqual([
      null,
      null,
    ]);
  });

  it('says that the store or the log does not answer', () => {
    expect(nodeOf(status({ store: { state: 'unreachable', reason: 'refused' } }), 'journal')).toMatchObject({
      state: 'stuck',
      trouble: 'The store does not answer: refused',
    });
  });

  it('says all of it in words too', () => {
    const words = flowInWords(flowOf(status(), rates));
    expect(words).toContain('order_events to Journal and view: 12/s in.');
    expect(words).toContain('Journal and view to order-mgt: 2.5/s delivered.');
  });
});

describe.each([
  ['wideLayout', wideLayout],
  ['narrowLayout', narrowLayout],
])('%s', (_, layout) => {
  const large = status({
    partitions: ['a', 'b', 'c', 'd', 'e'].map((topic) => partition(topic, 0)),
    outbox: [outbox('one'), outbox('two'), outbox('three')],
  });

  it.each([
    ['one target', status()],
    ['five topics and three targets', large],
    ['nothing known', status({ partitions: [], outbox: [] })],
  ])('places every box inside the picture and beside the others, with %s', (_, from) => {
    const flow = flowOf(from, rates);
    const { width, height, nodes, edges } = layout(flow);
    expect(nodes).toHaveLength(flow.nodes.length);
    expect(edges).toHaveLength(flow.edges.length);
    for (const [index, box] of nodes.entries()) {
      expect(box.x).toBeGreaterThanOrEqual(0);
      expect(box.y).toBeGreaterThanOrEqual(0);
      expect(box.x + box.width).toBeLessThanOrEqual(width);
      expect(box.y + box.height).toBeLessThanOrEqual(height);
      for (const other of nodes.slice(index + 1)) {
        const isApart =
          box.x + box.width <= other.x ||
          other.x + other.width <= box.x ||
          box.y + box.height <= other.y ||
          other.y + other.height <= box.y;
        expect(isApart, `${box.id} and ${other.id}`).toBe(true);
      }
    }
  });
});

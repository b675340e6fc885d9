import { describe, expect, it } from 'vitest';
import { Feed, Listener, Partition, TOPIC } from './feed.ts';

const ids = (...names: string[]) => new Set(names);

describe('the stream of changes', () => {
  it('begins at the checkpoints, and tells what they pass from then on, each record once', async () => {
    const feed = new Feed();
    feed.first.journal('before');
    const listener = await feed.listen();
    expect(listener.of('position')).toHaveLength(1);
    feed.first.journal('a');
    feed.first.journal('b');
    await feed.look();
    await feed.look();
    feed.first.journal('c');
    await feed.look();
    expect(listener.of('changes').map(({ records, more }) => [records, more])).toEqual([
      [2, 0],
      [1, 0],
    ]);
    expect(listener.of('changes')[0]?.events[0]).toEqual({
      entityId: 'a',
      eventType: 'ORDER',
      eventId: 'of a',
      occurredAtMs: Date.UTC(2026, 0, 1, 10),
      topic: TOPIC,
      partition: 0,
      offset: 1n,
      timestampMs: 1,
    });
    expect(listener.orders).toEqual(['a', 'b', 'c']);
  });

  it('tells those that join at a look its changes once if they come back from before, and else none of them', async () => {
    const feed = new Feed();
    const first = await feed.listen();
    feed.first.journal('a');
    const back = new Listener(feed.stream, { position: first.last });
    const fresh = new Listener(feed.stream, {});
    feed.stream.add(back);
    feed.stream.add(fresh);
    await feed.settle();
    expect([first.orders, back.orders, fresh.orders]).toEqual([['a'], ['a'], []]);
    feed.first.journal('b');
    await feed.look();
    expect([first.orders, back.orders, fresh.orders]).toEqual([['a', 'b'], ['a', 'b'], ['b']]);
    expect(fresh.last).toBe(first.last);
  });

  it('tells no record before the checkpoint has passed it, although the log has it', async () => {
    const feed = new Feed();
    const listener = await feed.listen();
    feed.first.journal('a');
    feed.first.nextOffset = 0n;
    await feed.look();
    expect(listener.of('changes')).toEqual([]);
  });

  it('gives a listener to all orders the newest of each partition, and reads no older ones', async () => {
    const feed = new Feed(2);
    const listener = await feed.listen();
    const [first, second] = feed.partitions as [Partition, Partition];
    for (let n = 0; n < 900; n++) first.journal(`a${n}`, undefined, 2 * n);
    for (let n = 0; n < 100; n++) second.journal(`b${n}`, undefined, 2 * n + 1_601);
    second.journal('x', Buffer.from('{'));
    await feed.look();
    const [changes] = listener.of('changes');
    // 22 and 2 of 1,001 records, one of which has no event.
    expect([changes?.records, changes?.events.length, changes?.more]).toEqual([1_001, 23, 978]);
    expect(listener.orders.slice(-3)).toEqual(['a898', 'a899', 'b99']);
    expect(feed.decoded).toBe(24);
  });

  it('reads only some of many partitions at a time, by turns', async () => {
    const feed = new Feed(8);
    const listener = await feed.listen();
    const told = new Set<number>();
    for (let turn = 0; turn < 3; turn++) {
      for (const partition of feed.partitions) for (let n = 0; n < 50; n++) partition.journal(`a${n}`);
      const reads = feed.reads;
      await feed.look();
      expect(feed.reads - reads).toBe(3);
    }
    for (const { records, events } of listener.of('changes')) {
      expect(records).toBe(400);
      for (const { partition } of events) told.add(partition);
    }
    expect(told.size).toBe(8);
  });

  it('decodes only the newest records and those of orders that are asked for', async () => {
    const feed = new Feed();
    const all = await feed.listen();
    const some = await feed.listen({ entityIds: ids('a') });
    for (let n = 0; n < 500; n++) feed.first.journal(n % 100 === 0 ? 'a' : `b${n}`);
    await feed.look();
    expect(some.orders).toEqual(['a', 'a', 'a', 'a', 'a']);
    expect(all.of('changes')[0]).toMatchObject({ records: 500, more: 475 });
    expect(all.orders).toEqual(Array.from({ length: 25 }, (_, n) => `b${n + 475}`));
    expect(feed.decoded).toBe(30);
  });

  it('gives all listeners to all orders the same object, and those to which nothing belongs another one', async () => {
    const feed = new Feed();
    const listeners = [await feed.listen(), await feed.listen()];
    const others = [await feed.listen({ entityIds: ids('x') }), await feed.listen({ entityIds: ids('y') })];
    feed.first.journal('a');
    await feed.look();
    expect(listeners[0]?.of('changes')[0]).toBe(listeners[1]?.of('changes')[0]);
    expect(others[0]?.of('changes')[0]).toBe(others[1]?.of('changes')[0]);
    expect(others[0]?.of('changes')[0]).toMatchObject({ records: 1, events: [], more: 0 });
  });

  it('gives a listener to some orders all their events and none of others', async () => {
    const feed = new Feed();
    const listener = await feed.listen({ entityIds: ids('a', 'b') });
    for (let n = 0; n < 200; n++) for (const id of ['a', 'b', 'c']) feed.first.journal(id);
    await feed.look();
    expect(listener.orders).toHaveLength(400);
    expect(listener.orders.slice(0, 4)).toEqual(['a', 'b', 'a', 'b']);
    expect(listener.of('changes')[0]?.more).toBe(0);
  });

  it('tells of a position that moved without a record, as after an aborted transaction', async () => {
    const feed = new Feed();
    const listener = await feed.listen();
    const before = listener.last;
    feed.first.journal('a');
    feed.first.gaps.add(0n);
    await feed.look();
    expect(listener.of('changes')).toEqual([]);
    expect(listener.of('position')).toHaveLength(2);
    expect(listener.last).not.toBe(before);
    await feed.look();
    expect(listener.of('position')).toHaveLength(2);
  });

  it('tells a partition that comes later from its first record', async () => {
    const feed = new Feed();
    const listener = await feed.listen();
    const later = new Partition(TOPIC, 1);
    for (const id of ['gone', 'a']) later.journal(id);
    later.startOffset = 1n;
    feed.partitions.push(later);
    await feed.look();
    expect(listener.orders).toEqual(['a']);
    expect(listener.resets).toEqual([]);
  });

  it('tells listeners to look again when a checkpoint goes back, and what is journaled again', async () => {
    const feed = new Feed();
    const listener = await feed.listen();
    for (const id of ['a', 'b']) feed.first.journal(id);
    await feed.look();
    feed.first.nextOffset = 1n;
    await feed.look();
    expect(listener.resets).toEqual(['checkpoint_went_back']);
    feed.first.nextOffset = 2n;
    await feed.look();
    expect(listener.orders).toEqual(['a', 'b', 'b']);
  });

  it('tells listeners to look again when the log has lost records, and goes on behind them', async () => {
    const feed = new Feed();
    const listener = await feed.listen();
    for (const id of ['a', 'b', 'c']) feed.first.journal(id);
    feed.first.startOffset = 2n;
    await feed.look();
    expect(listener.resets).toEqual(['log_truncated']);
    expect(listener.orders).toEqual(['c']);
  });

  it('passes over what is more than one look takes, and tells listeners to some orders to look again', async () => {
    const feed = new Feed(2);
    const all = await feed.listen();
    const some = await feed.listen({ entityIds: ids('a') });
    const [first, second] = feed.partitions as [Partition, Partition];
    for (let n = 0; n < 15_000; n++) first.journal('a');
    for (let n = 0; n < 5_000; n++) second.journal('b');
    await feed.look();
    const [changes] = all.of('changes');
    expect([changes?.records, changes?.more]).toEqual([20_000, 19_975]);
    expect([all.resets, some.resets]).toEqual([[], ['too_many_changes']]);
    expect(some.orders).toEqual([]);
    expect(feed.reads).toBe(20);
    first.journal('a');
    await feed.look();
    expect(some.orders).toEqual(['a']);
  });

  it('tells a listener to some orders to look again instead of giving it more than 1,000 events at once', async () => {
    const feed = new Feed();
    const listener = await feed.listen({ entityIds: ids('a') });
    for (let n = 0; n < 1_001; n++) feed.first.journal('a');
    await feed.look();
    expect([listener.resets, listener.orders]).toEqual([['too_many_changes'], []]);
  });

  it('ends a look after 16 MiB, and goes on with the next one', async () => {
    const feed = new Feed();
    const listener = await feed.listen({ entityIds: ids('x') });
    const body = JSON.stringify({ text: 'x'.repeat(1024 * 1024) });
    for (let n = 0; n < 40; n++) feed.first.journal('a', Buffer.from(body));
    // One read of this log gives 40 records at once, whatever their size.
    feed.first.read = (range) => Partition.prototype.read.call(feed.first, { ...range, maxRecords: 4 });
    await feed.look();
    await feed.look();
    await feed.look();
    expect(listener.of('changes').map(({ records }) => records)).toEqual([16, 16, 8]);
  });
});

describe('a listener that comes back', () => {
  it('gets what lies between its position and now, and then what the others get', async () => {
    const feed = new Feed(3);
    const first = await feed.listen();
    feed.first.journal('a');
    await feed.look();
    first.leave();
    feed.first.journal('b');
    (feed.partitions[2] as Partition).journal('c');
    const second = await feed.listen({ position: first.last });
    expect(second.orders.sort()).toEqual(['b', 'c']);
    feed.first.journal('d');
    await feed.look();
    expect(second.orders.sort()).toEqual(['b', 'c', 'd']);
    expect(second.resets).toEqual([]);
  });

  it('gets only the events of its orders, from a partition that it did not know too', async () => {
    const feed = new Feed();
    const first = await feed.listen();
    first.leave();
    const later = new Partition(TOPIC, 1);
    feed.partitions.push(later);
    for (const id of ['a', 'b']) later.journal(id);
    feed.first.journal('a');
    const second = await feed.listen({ position: first.last, entityIds: ids('a') });
    expect(second.orders).toEqual(['a', 'a']);
  });

  it('gets nothing but the position if nothing lies between', async () => {
    const feed = new Feed();
    const first = await feed.listen();
    const second = await feed.listen({ position: first.last });
    expect(second.messages.map(({ kind }) => kind)).toEqual(['status', 'position']);
  });

  it('gets what the others have got of a look that was cut short, and the rest with them', async () => {
    const feed = new Feed();
    const first = await feed.listen({ entityIds: ids('x') });
    const body = JSON.stringify({ text: 'x'.repeat(1024 * 1024) });
    for (let n = 0; n < 40; n++) feed.first.journal('a', Buffer.from(body));
    feed.first.read = (range) => Partition.prototype.read.call(feed.first, { ...range, maxRecords: 4 });
    const back = await feed.listen({ position: first.last, entityIds: ids('x') });
    await feed.look();
    await feed.look();
    for (const listener of [first, back])
      expect(listener.of('changes').map(({ records }) => records)).toEqual([16, 16, 8]);
    expect(back.resets).toEqual([]);
  });

  it('shares the read with others that come back from the same position', async () => {
    const feed = new Feed();
    const first = await feed.listen({ entityIds: ids('x') });
    feed.first.journal('a');
    await feed.look();
    const { reads } = feed;
    const position = first.messages.find((message) => message.kind === 'position')?.position ?? '';
    const others = Array.from({ length: 50 }, () => ({ position }));
    const listeners = await Promise.all(others.map((facts) => feed.listen(facts)));
    for (const listener of listeners) expect(listener.orders).toEqual(['a']);
    expect(feed.reads - reads).toBe(1);
  });

  it('lets others from other positions wait for the next look, and catches all of them up', async () => {
    const feed = new Feed();
    const first = await feed.listen();
    const positions: string[] = [];
    for (let n = 0; n < 10; n++) {
      positions.push(first.last);
      feed.first.journal(`${n}`);
      await feed.look();
    }
    const listeners = await Promise.all(positions.map((position) => feed.listen({ position })));
    await feed.look();
    expect(listeners.map(({ orders }) => orders.length)).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  });

  it.each([
    ['position_unknown', 'that nobody made', () => 'AAAA'],
    ['position_unknown', 'that is no base64url', () => '%%%'],
    [
      'position_unknown',
      'of a topic that was made again',
      (feed: Feed, position: string) => {
        feed.first.topicId = 'another id';
        return position;
      },
    ],
    [
      'position_ahead',
      'that the store has not reached',
      (feed: Feed, position: string) => {
        feed.first.nextOffset = 0n;
        return position;
      },
    ],
    [
      'too_far_back',
      'with more than 10,000 records behind it',
      (feed: Feed, position: string) => {
        for (let n = 0; n < 10_001; n++) feed.first.journal('b');
        return position;
      },
    ],
    [
      'log_truncated',
      'whose records the log no longer has',
      (feed: Feed, position: string) => {
        for (let n = 0; n < 3; n++) feed.first.journal('b');
        feed.first.startOffset = 2n;
        return position;
      },
    ],
  ])('learns by %s that it has to look again, from a position %s', async (reason, _what, change) => {
    const feed = new Feed();
    const first = await feed.listen();
    feed.first.journal('a');
    await feed.look();
    first.leave();
    const second = await feed.listen({ position: change(feed, first.last) });
    expect(second.resets).toEqual([reason]);
    expect(second.of('changes')).toEqual([]);
    feed.first.journal('c');
    await feed.look();
    expect(second.orders.at(-1)).toBe('c');
    const third = await feed.listen({ position: second.last });
    expect(third.resets).toEqual([]);
  });

  it('learns that it has to look again if the partition with what it missed cannot be read', async () => {
    const feed = new Feed(2);
    const first = await feed.listen();
    feed.first.journal('a');
    await feed.look();
    const begin = first.messages.find((message) => message.kind === 'position')?.position ?? '';
    feed.first.problem = 'has no leader';
    const second = await feed.listen({ position: begin });
    expect(second.resets).toEqual(['log_unreadable']);
  });
});

import { describe, expect, it } from 'vitest';
import type { OutgoingEvent } from '../../../src/apps/event-producer/publish.ts';
import { sendTraced } from '../../../src/apps/event-producer/send-spans.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import type { NewRecord, RecordHeader } from '../../../src/ports/event-log.ts';
import type { Tracing } from '../../../src/ports/tracing.ts';

const event = (topic: string, headers: readonly RecordHeader[] = []): OutgoingEvent => ({
  record: { topic, key: Buffer.from('a'), value: Buffer.from('{}'), headers },
  eventId: 'e',
  orderId: 'a',
  eventType: 'ORDER',
});

/** Spans whose context names what they are about. */
function recorded(isOn = true) {
  const begun: string[] = [];
  const ended: [string, string | null][] = [];
  const tracing = {
    isOn,
    messagingSystem: 'kafka',
    begin({ name }: { readonly name: string }) {
      begun.push(name);
      return {
        context: { traceParent: `parent of ${name}`, traceState: undefined },
        end: (errorType: string | null) => ended.push([name, errorType]),
      };
    },
  };
  return { tracing: tracing as unknown as Tracing, begun, ended };
}

const parentsOf = (records: readonly NewRecord[]) =>
  records.map(({ headers }) =>
    headers
      .filter(([name]) => name === 'traceparent')
      .map(([, value]) => Buffer.from(value ?? '').toString()),
  );

describe('the spans of sent events', () => {
  it('begin once for each topic, and each record carries that of its own topic', async () => {
    const { tracing, begun, ended } = recorded();
    const events = [event('orders'), event('payments'), event('orders')];
    const parents = await sendTraced(tracing, events, async (records) => parentsOf(records));
    expect(parents).toEqual([
      ['parent of send orders'],
      ['parent of send payments'],
      ['parent of send orders'],
    ]);
    expect(begun).toEqual(['send orders', 'send payments']);
    expect(ended).toEqual(begun.map((name) => [name, null]));
  });

  it('leave a record alone that has a trace already', async () => {
    const { tracing } = recorded();
    const events = [event('orders', [['traceparent', Buffer.from('of its source')]])];
    const parents = await sendTraced(tracing, events, async (records) => parentsOf(records));
    expect(parents).toEqual([['of its source']]);
  });

  it('end with the code of a failed append, all of them', async () => {
    const { tracing, ended } = recorded();
    const sent = sendTraced(tracing, [event('orders'), event('payments')], async () => {
      throw new TributaryError('log_append_failed', 'The log is gone.');
    });
    await expect(sent).rejects.toThrow('The log is gone.');
    expect(ended.map(([, errorType]) => errorType)).toEqual(['log_append_failed', 'log_append_failed']);
  });

  it('stay away while nobody records them', async () => {
    const { tracing, begun } = recorded(false);
    expect(await sendTraced(tracing, [event('orders')], async (records) => parentsOf(records))).toEqual([[]]);
    expect(begun).toEqual([]);
  });
});

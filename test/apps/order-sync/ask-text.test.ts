import { describe, expect, it } from 'vitest';
import { stockLedger } from '../../../examples/stock-ledger/domain.ts';
import { diffText, explanationText, rowLine, whatIfText } from '../../../src/apps/order-sync/ask-text.ts';
import { orders } from '../../../src/orders/index.ts';
import { diffOf } from '../../../src/pipeline/ask/diff.ts';
import { explain } from '../../../src/pipeline/ask/explain.ts';
import { type Moment, NOW } from '../../../src/pipeline/ask/moment.ts';
import type { WhatIf } from '../../../src/pipeline/ask/what-if.ts';
import { lateReview, PENDING, paid } from '../../helpers/order-store.ts';

describe('the text of a row', () => {
  const found = { entityId: 'a', version: 3, waitsFor: null, lastArrivalMs: null };
  const shownFor = (value: string | null) =>
    rowLine(orders.view, { ...found, row: ['CREATED', value, null, false] } as never)
      .split('  ')
      .at(-1);

  it.each([
    ['PAYMENT_AUTHORIZED', 'payment_status=PAYMENT_AUTHORIZED'],
    [null, 'payment_status=null'],
    ['two words', 'payment_status="two words"'],
    ['a\nb', 'payment_status="a\\nb"'],
    ['x'.repeat(65), `payment_status="${'x'.repeat(65)}"`],
  ])('shows the value %j as %s', (value, shown) => {
    expect(shownFor(value)).toBe(`order_status=CREATED ${shown} review_status=null ready_to_send=false`);
  });

  it('says what the row waits for, and when its last event was journaled', () => {
    const line = rowLine(orders.view, {
      ...found,
      row: [null, null, null, false],
      waitsFor: 'order',
      lastArrivalMs: Date.UTC(2026, 0, 1),
    } as never);
    expect(line).toMatch(/ {2}waits for order {2}last event journaled 2026-01-01T00:00:00\.000Z$/);
  });
});

describe('the text of an explanation', () => {
  it('says that the events are only the last ones of an order with too many', async () => {
    const place = await lateReview();
    expect(explanationText(await explain(place.parts(), 'a'))).toContain('\nEVENTS BY ARRIVAL\n');
    const many = Array.from({ length: 100 }, (_, n) => paid('a', PENDING, '10:02', { revision: n + 1 }));
    await place.journal(many);
    expect(explanationText(await explain(place.parts({ maxEvents: 50 }), 'a'))).toContain(
      '\nTHE LAST 100 EVENTS BY ARRIVAL\n',
    );
  });
});

describe('the text of a difference', () => {
  const BY_10_01: Moment = { kind: 'at', ms: Date.UTC(2026, 0, 1, 10, 1) };

  async function textOf(from: Moment, to: Moment): Promise<string[]> {
    const place = await lateReview();
    const diff = await diffOf(place.parts(), 'a', from, to);
    if (diff.kind !== 'diff') throw new Error(diff.kind);
    return diffText('a', [from, to], diff).split('\n');
  }

  it('lists the events that count only on one side, each with its sign', async () => {
    const added = (await textOf(BY_10_01, NOW)).filter((line) => /^[+-]/.test(line));
    const removed = (await textOf(NOW, BY_10_01)).filter((line) => /^[+-]/.test(line));
    expect(added).toEqual([
      expect.stringMatching(/^\+ event 3 {2}PAYMENT/),
      expect.stringMatching(/^\+ event 4 /),
    ]);
    expect(removed).toEqual([
      expect.stringMatching(/^- event 3 {2}PAYMENT/),
      expect.stringMatching(/^- event 4 /),
    ]);
  });

  it('says that nothing differs', async () => {
    expect((await textOf(NOW, NOW)).slice(1)).toEqual(['No column differs.', 'The same events count.']);
  });
});

describe('the text of what an event would do', () => {
  const changes = (more: object) =>
    ({
      kind: 'changes',
      version: 3,
      isLate: false,
      conflictsWith: [],
      before: null,
      after: { row: ['CREATED', null, null, false], isReady: false },
      columns: [],
      dueTo: [],
      waitsForRebuild: false,
      ...more,
    }) as unknown as WhatIf<unknown>;
  const lastLine = (outcome: WhatIf<unknown>, domain: Parameters<typeof whatIfText>[0] = orders) =>
    whatIfText(domain, 'a', outcome).split('\n').at(-1);

  it('ends with the targets to which the state would become due', () => {
    expect(lastLine(changes({}))).toBe('Nothing would become due.');
    expect(lastLine(changes({ dueTo: ['crm', 'erp'] }))).toBe('Version 3 would become due to crm, erp.');
  });

  it('ends with the rebuild that rows and deliveries wait for, whatever would be due then', () => {
    for (const dueTo of [[], ['crm']])
      expect(lastLine(changes({ dueTo, waitsForRebuild: true }))).toContain(
        'nothing would become due: rows and deliveries wait for a rebuild',
      );
  });

  it('says that the event is late, and with which versions it conflicts', () => {
    const lines = whatIfText(orders, 'a', changes({ isLate: true, conflictsWith: [1, 2] })).split('\n');
    expect(lines).toContain('It is late: later events are in the journal already.');
    expect(lines).toContain('It conflicts with version 1, 2: the same id, another content.');
    expect(whatIfText(orders, 'a', changes({}))).not.toMatch(/late|conflicts/);
  });

  it('names the entity by the noun of its domain', () => {
    const tooLong = { kind: 'too_long', lastVersion: 12, maxEvents: 10 } as const;
    expect(lastLine(tooLong, stockLedger as never)).toBe(
      'The article has 12 events, more than the 10 that are folded here.',
    );
    expect(lastLine(tooLong)).toContain('The order has 12 events');
  });

  it.each([
    [
      { kind: 'refused', reason: 'json_invalid', detail: 'It is cut off.' },
      'put into quarantine (json_invalid)',
    ],
    [{ kind: 'duplicate', knownAs: 2 }, 'a duplicate of the event with version 2: nothing would change'],
    [
      { kind: 'parked', version: 4, reason: 'fold_failed', detail: 'It throws.' },
      'journaled as version 4. The order is parked',
    ],
  ])('tells of %j', (outcome, words) => {
    expect(lastLine(outcome as never)).toContain(words);
  });
});

import { decimalText, defineDomain } from '../../src/public/index.ts';

/** Amounts are texts with two digits behind the point. JSON numbers are binary fractions, which lose digits. */
const amount = { type: 'string', pattern: '^\\d{1,12}\\.\\d{2}$' } as const;
const BOOKED = { properties: { amount }, required: ['amount'] } as const;
const centsOf = (text: string) => BigInt(text.replace('.', ''));
const francs = (cents: bigint) => decimalText(`${cents}e-2`, { precision: 20, scale: 2 });

/** Accounts with exact balances. The dunning department gets each account that is overdrawn, and later changes of it. */
export const accounts = defineDomain({
  name: 'accounts',
  noun: 'account',
  topic: 'bookings',
  entityIdField: 'iban',
  occurredAtField: 'bookedAt',
  events: {
    DEPOSITED: { schema: BOOKED },
    WITHDRAWN: { schema: BOOKED },
  },
  initialState: { cents: 0n },
  evolve: {
    DEPOSITED: ({ cents }, booking) => ({ cents: cents + centsOf(booking.amount) }),
    WITHDRAWN: ({ cents }, booking) => ({ cents: cents - centsOf(booking.amount) }),
  },
  view: {
    table: 'accounts',
    keyColumn: 'iban',
    columns: [
      { name: 'balance', type: 'decimal', precision: 20, scale: 2 },
      { name: 'overdrawn', type: 'boolean' },
    ],
    row: ({ cents }) => [francs(cents), cents < 0n],
    isReady: ({ cents }) => cents < 0n,
    readyColumn: 'overdrawn',
  },
});

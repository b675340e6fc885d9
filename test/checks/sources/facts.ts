import type { Written } from './outbox.ts';

/** What an application knows of an event, before any encoder writes it. */
export interface Fact {
  readonly type: 'ORDER' | 'PAYMENT';
  readonly orderId: string;
  readonly status: string;
  /** By RFC 3339, in milliseconds, in UTC or with an offset. */
  readonly at: string;
  readonly revision: number | null;
  readonly eventId: string | null;
}

/** The fact of an event. Fields that no schema names are left out: each producer adds some of its own. */
export function factOf({ orderId, body }: Written): Fact {
  const fields = JSON.parse(body) as Record<string, unknown>;
  return {
    type: fields.eventType as Fact['type'],
    orderId,
    status: String(fields.orderStatus ?? fields.paymentStatus),
    at: String(fields.timestamp),
    revision: typeof fields.revision === 'number' ? fields.revision : null,
    eventId: typeof fields.eventId === 'string' ? fields.eventId : null,
  };
}

/** The name of the field with the status. */
export function statusField({ type }: Fact): 'orderStatus' | 'paymentStatus' {
  return type === 'ORDER' ? 'orderStatus' : 'paymentStatus';
}

/** An object as JSON, with values that are JSON already. Undefined values are left out. */
export function objectOf(fields: Readonly<Record<string, string | undefined>>): string {
  const members = Object.entries(fields).filter(([, json]) => json !== undefined);
  return `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`;
}

/** The time with this many digits behind the second, those beyond the milliseconds taken from `more`. */
export function timeWith(at: string, more: string): string {
  return at.replace(/(\.\d{3})/, `$1${more}`);
}

/** The time without zeros at the end of its fraction, and without a fraction of zeros. */
export function withoutTrailingZeros(at: string): string {
  return at.replace(/\.(\d*?)0+(?!\d)/, (_, digits: string) => (digits === '' ? '' : `.${digits}`));
}

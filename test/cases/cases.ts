import { readFileSync } from 'node:fs';
import type { LogRecord } from '../../src/ports/event-log.ts';

/** A record of a producer that people really have, as it lay on its topic. Personal details are replaced. */
export interface Case {
  /** What is special about it; else its key. */
  readonly note: string;
  readonly topic: 'orders' | 'payments';
  readonly record: LogRecord;
  /** The reason and the detail by which it is refused with no settings; null if it is an event then. */
  readonly refused: string | null;
  /** Settings that help, and the event, or the reason, that the record gives with them. Null if none help. */
  readonly helped: {
    readonly settings: Readonly<Record<string, string>>;
    readonly gives: string | CaseEvent;
  } | null;
}

/** What an event of a case has to be, besides its topic and place. */
export interface CaseEvent {
  readonly entityId: string;
  readonly eventId: string;
  readonly occurredAt: string;
  /** The body that the journal keeps. */
  readonly data: string;
}

interface Line {
  readonly refused?: string;
  readonly settings?: Readonly<Record<string, string>>;
  readonly gives?: string | CaseEvent;
  readonly note?: string;
  readonly topic?: 'orders' | 'payments';
  readonly key?: string | null;
  readonly keyHex?: string;
  readonly value?: string | null;
  readonly valueHex?: string;
  readonly headers?: readonly (readonly [name: string, value: string | null])[];
}

/** The cases of a file in `records/`. */
export function casesOf(file: string): Case[] {
  const text = readFileSync(new URL(`records/${file}.ndjson`, import.meta.url), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => toCase(JSON.parse(line) as Line, index));
}

function toCase(line: Line, index: number): Case {
  const key = bytesOf(line.key, line.keyHex);
  return {
    note: line.note ?? line.key ?? `record ${index}`,
    topic: line.topic ?? 'orders',
    refused: line.refused ?? null,
    helped:
      line.settings === undefined || line.gives === undefined
        ? null
        : { settings: line.settings, gives: line.gives },
    record: {
      offset: BigInt(index),
      timestampMs: 0,
      key,
      value: bytesOf(line.value, line.valueHex),
      headers: (line.headers ?? []).map(([name, value]) => [
        name,
        value === null ? null : Buffer.from(value),
      ]),
    },
  };
}

/** The bytes of a text, or of hexadecimal digits, which count before it. */
export function bytesOf(text: string | null | undefined, hex?: string): Buffer | null {
  if (hex !== undefined) return Buffer.from(hex, 'hex');
  return text === undefined || text === null ? null : Buffer.from(text);
}

/** The settings under which all cases are tried. */
export const CASE_TOPICS = { ORDER_TOPIC: 'orders', PAYMENT_TOPIC: 'payments' };

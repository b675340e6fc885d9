import type { View, ViewColumn, ViewValue } from '../../core/domain.ts';
import { messageOf, TributaryError } from '../../core/errors.ts';
import { parseKeepingNumbers } from '../../core/json-exact.ts';
import { utf8Length } from '../../core/text.ts';
import { parseRfc3339 } from '../../core/time.ts';
import { canonicalValue } from '../../core/view-values.ts';
import type { RowsQuery } from '../../pipeline/ask/list-rows.ts';
import { MOMENT_FORMS, type Moment, momentOf, NOW } from '../../pipeline/ask/moment.ts';
import type { ColumnCondition, DeliveryKind } from '../../ports/view-rows.ts';

/** A fault in one part of a question. The message follows the name of the part, as the caller writes it. */
export class QuestionFault extends Error {
  readonly part: string;

  constructor(part: string, detail: string) {
    super(detail);
    this.part = part;
  }
}

/** The parts of a question for rows, as texts. */
export interface RowsGiven {
  /** Conditions as `column=value`. The value `null` means that the column has no value. */
  readonly where: readonly string[];
  readonly status: string | undefined;
  readonly isReady: boolean;
  readonly isUndelivered: boolean;
  readonly isInFlight: boolean;
  readonly isDead: boolean;
  readonly isDelivered: boolean;
  readonly isStuck: boolean;
  readonly olderThan: string | undefined;
}

/** Reads which rows are asked for. Throws a QuestionFault. */
export function rowsQueryOf(
  view: Pick<View<never>, 'columns' | 'readyColumn'>,
  given: RowsGiven,
): Omit<RowsQuery, 'after' | 'limit'> {
  const conditions: ColumnCondition[] = given.where.map((condition) => conditionOf(view, condition));
  if (given.status !== undefined) conditions.push({ columns: textColumns(view), value: given.status });
  if (given.isReady) {
    if (view.readyColumn === undefined)
      throw new QuestionFault('ready', 'is not known here: no column of the view shows it');
    conditions.push({ columns: [view.readyColumn], value: true });
  }
  return {
    conditions,
    delivery: deliveryKindOf(given),
    isStuck: given.isStuck,
    olderThanMs: given.olderThan === undefined ? null : durationOf('olderThan', given.olderThan),
  };
}

/** Dead deliveries and those in flight are undelivered too, so each of the two may be given together with that. */
function deliveryKindOf(given: RowsGiven): DeliveryKind | null {
  const { isUndelivered, isInFlight, isDead, isDelivered } = given;
  if (isInFlight && isDead) throw new QuestionFault('inFlight', 'cannot be given together with dead');
  if (isDelivered && (isUndelivered || isInFlight || isDead))
    throw new QuestionFault('delivered', 'cannot be given together with notDelivered, inFlight or dead');
  if (isDelivered) return 'delivered';
  if (isDead) return 'dead';
  if (isInFlight) return 'in_flight';
  return isUndelivered ? 'owed' : null;
}

/** Only the orders that are stuck, of a certain age or of any. */
export function stuckGiven(olderThan: string | undefined): RowsGiven {
  return {
    where: [],
    status: undefined,
    isReady: false,
    isUndelivered: false,
    isInFlight: false,
    isDead: false,
    isDelivered: false,
    isStuck: true,
    olderThan,
  };
}

function textColumns({ columns }: Pick<View<never>, 'columns'>): string[] {
  return columns.filter(({ type }) => type === 'text').map(({ name }) => name);
}

function conditionOf({ columns }: Pick<View<never>, 'columns'>, text: string): ColumnCondition {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(0, equals));
  const column = columns.find((known) => known.name === name);
  if (column === undefined) {
    const names = columns.map((known) => known.name).join(', ');
    throw new QuestionFault('where', `is column=value, and the columns are ${names}`);
  }
  const value = text.slice(equals + 1);
  return { columns: [name], value: valueFrom(column, value) };
}

function valueFrom(column: ViewColumn, text: string): ViewValue {
  const { type } = column;
  if (text === 'null') return null;
  if (type === 'text') return text;
  if (type === 'decimal' || type === 'timestamp' || type === 'json') {
    try {
      return canonicalValue(column, type === 'json' ? parseKeepingNumbers(text, 'huge') : text);
    } catch (error) {
      const what = error instanceof SyntaxError ? 'it is no JSON' : messageOf(error);
      throw new QuestionFault('where', `gives ${column.name} a value that it cannot have: ${what}`);
    }
  }
  if (type === 'integer') {
    const value = Number(text);
    if (/^-?\d+$/.test(text) && Number.isSafeInteger(value)) return value;
    throw new QuestionFault('where', 'gives a column of integers a whole number, or null');
  }
  if (text === 'true' || text === 'false') return text === 'true';
  throw new QuestionFault('where', 'gives a column of booleans true, false or null');
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Reads a duration such as `90s`, `15m`, `1h` or `2d`. A number without a unit is in milliseconds. */
export function durationOf(part: string, text: string): number {
  const [, digits = '', unit = 'ms'] = /^(\d{1,12})(ms|s|m|h|d)?$/.exec(text) ?? [];
  const ms = Number(digits) * (UNIT_MS[unit] ?? Number.NaN);
  if (digits !== '' && Number.isSafeInteger(ms)) return ms;
  throw new QuestionFault(part, 'is a time such as 90s, 15m, 1h or 2d');
}

/** The moment that is asked for by at most one of these parts; `now` without any. Throws a QuestionFault. */
export function momentFrom(given: {
  readonly at: string | undefined;
  readonly asKnownAt: string | undefined;
  readonly version: string | undefined;
}): Moment {
  const asked = Object.entries(given).filter(([, text]) => text !== undefined);
  const [first, second] = asked;
  if (first === undefined) return NOW;
  if (second !== undefined) throw new QuestionFault(second[0], `cannot be given together with ${first[0]}`);
  const [part, text = ''] = first;
  if (part === 'version') {
    if (/^\d{1,15}$/.test(text)) return { kind: 'version', version: Number(text) };
    throw new QuestionFault(part, 'is a version, as in 3');
  }
  const ms = parseRfc3339(text);
  if (ms === null) throw new QuestionFault(part, 'is a moment of RFC 3339, as in 2026-11-22T10:00:00Z');
  return part === 'at' ? { kind: 'at', ms } : { kind: 'as_known_at', ms };
}

/** One side of a comparison. Throws a QuestionFault. */
export function sideFrom(part: string, text: string | undefined): Moment {
  const moment = text === undefined ? null : momentOf(text);
  if (moment === null) throw new QuestionFault(part, `is ${MOMENT_FORMS}`);
  return moment;
}

/** The two sides of `A..B`. */
export function sidesFrom(part: string, text: string): readonly [Moment, Moment] {
  const between = text.indexOf('..');
  if (between < 0) throw new QuestionFault(part, `is A..B, where A and B are ${MOMENT_FORMS}`);
  return [sideFrom(part, text.slice(0, between)), sideFrom(part, text.slice(between + 2))];
}

const ID_BYTES_MAX = 255;

/** Whether this may be the id of an order: 1 to 255 bytes of well-formed text. */
export function isOrderId(text: string): boolean {
  return text !== '' && text.isWellFormed() && utf8Length(text) <= ID_BYTES_MAX;
}

/** Checks the id of an order on a command line. */
export function orderIdOf(text: string | undefined): string {
  if (text !== undefined && isOrderId(text)) return text;
  throw new TributaryError('usage', 'Give the id of an order: 1 to 255 bytes of text.');
}

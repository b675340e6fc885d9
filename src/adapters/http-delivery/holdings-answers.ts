import type { JsonValue, ViewColumn, ViewValue } from '../../core/domain.ts';
import { messageOf } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json-canonical.ts';
import { parseKeepingNumbers } from '../../core/json-exact.ts';
import { compareUtf8, quoted } from '../../core/text.ts';
import { canonicalValue } from '../../core/view-values.ts';
import type { HeldState, HoldingsDigest, HoldingsPage, HoldingsRange } from '../../ports/target-holdings.ts';

/** An answer that is not as docs/being-a-target.md says. The message is the end of a sentence. */
export class AnswerFault extends Error {}

interface Columns {
  readonly keyColumn: string;
  readonly columns: readonly ViewColumn[];
}

/** Reads a page from an answer. Throws `AnswerFault` if it is no page, out of sequence, or not within the range. */
export function pageFrom(body: Uint8Array, { after, limit }: HoldingsRange, view: Columns): HoldingsPage {
  const { data, page } = objectFrom(
    body,
    view.columns.some(({ type }) => type === 'json') ? parseExactly : JSON.parse,
  );
  if (!Array.isArray(data)) throw new AnswerFault('its list has no array "data"');
  if (data.length > limit)
    throw new AnswerFault(`its list has ${data.length} rows, where ${limit} were asked for`);
  const states = data.map((row) => stateFrom(row, view));
  let last = after;
  for (const { entityId } of states) {
    if (last !== null && compareUtf8(entityId, last) <= 0) {
      throw new AnswerFault(`its list has ${quoted(entityId)} behind ${quoted(last)}, out of sequence`);
    }
    last = entityId;
  }
  const hasMore = isJsonObject(page) ? page.hasMore : undefined;
  if (typeof hasMore !== 'boolean')
    throw new AnswerFault('its list does not say by "page.hasMore" if there is more');
  if (hasMore && states.length === 0)
    throw new AnswerFault('its list has no rows on a page, and yet says that there are more');
  return { states, hasMore };
}

/** Reads a digest from an answer. Throws `AnswerFault` if it is none. */
export function digestFrom(body: Uint8Array, { limit }: HoldingsRange): HoldingsDigest {
  const { count, digest } = objectFrom(body);
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 0 || count > limit) {
    throw new AnswerFault(`its digest has no "count" from 0 to ${limit}`);
  }
  if (typeof digest !== 'string') throw new AnswerFault('its digest has no text "digest"');
  return { count, digest };
}

function stateFrom(row: unknown, { keyColumn, columns }: Columns): HeldState {
  if (!isJsonObject(row)) throw new AnswerFault('its list has a row that is no object');
  const entityId = row[keyColumn];
  if (typeof entityId !== 'string' || entityId === '' || !entityId.isWellFormed()) {
    throw new AnswerFault(`its list has a row without a text "${keyColumn}"`);
  }
  const { version } = row;
  if (typeof version !== 'number' || !Number.isSafeInteger(version)) {
    throw new AnswerFault(`it lists ${quoted(entityId)} without a whole number "version"`);
  }
  return {
    entityId,
    version,
    row: columns.map((column) => valueFrom(row[column.name] as JsonValue | undefined, column, entityId)),
  };
}

/** A target may hold a value in another form, such as 12.3 for 12.30. What the column cannot hold differs from every state. */
function valueFrom(value: JsonValue | undefined, column: ViewColumn, entityId: string): ViewValue {
  try {
    if (value !== undefined) return canonicalValue(column, value);
  } catch {
    if (typeof value !== 'object' && value !== undefined) return value;
  }
  throw new AnswerFault(`it lists ${quoted(entityId)} without a plain value "${column.name}"`);
}

const parseExactly = (text: string) => parseKeepingNumbers(text, 'huge');

function objectFrom(
  body: Uint8Array,
  parse: (text: string) => unknown = JSON.parse,
): Readonly<Record<string, unknown>> {
  let answer: unknown;
  try {
    answer = parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    // The message of a syntax error quotes the answer, and the target is not trusted.
    throw new AnswerFault(
      `its answer is no JSON (${error instanceof SyntaxError ? 'syntax' : messageOf(error)})`,
    );
  }
  if (!isJsonObject(answer)) throw new AnswerFault('its answer is no JSON object');
  return answer;
}

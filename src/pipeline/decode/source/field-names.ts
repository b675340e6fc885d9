import type { JsonObject, JsonValue } from '../../../core/domain.ts';
import { isJsonObject } from '../../../core/json-canonical.ts';
import type { LoggedHeader } from '../../../ports/event-log.ts';
import { Rejection } from '../reasons.ts';
import { headerText } from './header-text.ts';
import { outermostOf, valueAt } from './places.ts';

/** What the place of a field begins with if the field is a header of the record. */
export const HEADER_PLACE = 'header:';

/** Stands between the domain's fields if one field of the records is several of them, each in another type of event. */
export const AND_FIELD = '+';

/** Parses the JSON in a text; undefined if there is none. */
type Parse = (text: string) => JsonValue | undefined;

/** Texts by the names of the domain's fields. */
export type FieldsInHeaders = readonly (readonly [ours: string, text: string])[];

/** Where the records have the fields of the domain: under other names, further in, or in headers. */
export class FieldNames {
  /** By the name, or by the place, in the records. */
  readonly #ours: ReadonlyMap<string, readonly string[]>;
  /** The places that may be further in. */
  readonly #places: readonly (readonly [place: string, ours: string])[];
  readonly #headers: readonly (readonly [header: string, ours: string])[];
  readonly #parse: Parse;

  constructor(fields: ReadonlyMap<string, string>, parse: Parse) {
    const named = [...fields].map(([place, ours]) => [place, ours.split(AND_FIELD)] as const);
    const inBody = named.filter(([place]) => !place.startsWith(HEADER_PLACE));
    const each = named.flatMap(([place, ours]) => ours.map((field) => [place, field] as const));
    this.#ours = new Map(inBody);
    this.#places = each.filter(([place]) => this.#ours.has(place) && place.includes('.'));
    this.#headers = each
      .filter(([place]) => place.startsWith(HEADER_PLACE))
      .map(([place, field]) => [place.slice(HEADER_PLACE.length), field]);
    this.#parse = parse;
  }

  /** Gives the fields the domain's names. A body that has a field in two places could be understood in two ways. */
  renamed(body: JsonObject): JsonObject | Rejection {
    const named = this.#withNames(body);
    if (named instanceof Rejection) return named;
    let changed = named;
    for (const [place, ours] of this.#places) {
      if (Object.hasOwn(body, place)) continue;
      const value = valueAt(body, place, this.#parse);
      if (value === undefined || value === null) continue;
      // What a place leads into may have the domain's name by itself: {"orderId": {"string": "7"}}.
      const outermost = outermostOf(body, place);
      const isInside = outermost !== null && this.#namesOf(outermost).includes(ours);
      if (Object.hasOwn(changed, ours) && !isInside) return IN_TWO_PLACES;
      changed = { ...changed, [ours]: value };
    }
    return changed;
  }

  #withNames(body: JsonObject): JsonObject | Rejection {
    const names = this.#ours;
    if (names.size === 0 || ![...names.keys()].some((name) => Object.hasOwn(body, name))) return body;
    const renamed = Object.entries(body).flatMap(([name, value]) =>
      this.#namesOf(name).map((ours) => [ours, value] as const),
    );
    if (new Set(renamed.map(([name]) => name)).size < renamed.length) return IN_TWO_PLACES;
    return Object.fromEntries(renamed);
  }

  /** The domain's names of a field in the records. */
  #namesOf(name: string): readonly string[] {
    return this.#ours.get(name) ?? [name];
  }

  /** The texts of the fields that are headers of the record, by the domain's names. */
  inHeaders(headers: readonly LoggedHeader[]): FieldsInHeaders | Rejection {
    const found: (readonly [string, string])[] = [];
    for (const [header, ours] of this.#headers) {
      if (headers.filter(([name]) => name === header).length > 1) return HEADER_REPEATED;
      const text = headerText(headers, header);
      if (text !== null) found.push([ours, text]);
    }
    return found;
  }

  /** The text of `eventType` in an object that holds the event, under the name that it has in the records. */
  typeIn(outer: JsonValue): string | undefined {
    if (!isJsonObject(outer)) return undefined;
    const entry = Object.entries(outer).find(([name]) => this.#namesOf(name).includes('eventType'));
    return typeof entry?.[1] === 'string' ? entry[1] : undefined;
  }
}

const HEADER_REPEATED = new Rejection(
  'header_duplicate',
  'A header that is mapped to a field stands more than once.',
);

const IN_TWO_PLACES = new Rejection(
  'json_duplicate_key',
  'The body has a field both under its own name and under the mapped one.',
);

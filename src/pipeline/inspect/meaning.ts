import type { JsonValue } from '../../core/domain.ts';
import { alike } from '../decode/forms/kinds.ts';
import { AND_FIELD, HEADER_PLACE } from '../decode/source/field-names.ts';
import {
  type BodyOfRecord,
  type DomainFields,
  FITS_A_SETTING,
  isPlausible,
  propertiesOf,
  wantedNames,
} from './fields.ts';
import { headerLeaves } from './header-fields.ts';
import { type KeyTexts, keyTexts } from './key-texts.ts';
import { type Leaf, leavesOf, namesOfLeaf, ownNamesOf } from './leaves.ts';
import { isSpeltAs, meantBy, otherTypesOf, typeMeantBy } from './spelling.ts';
import { isTimeLike } from './time-like.ts';
import {
  areEnvelopes,
  isNumbering,
  isOfAnother,
  isTypeName,
  namesTime,
  ownWordsOf,
  withoutOwn,
} from './words.ts';

/** Names of the time of an event, the likeliest first. */
const TIMES = 'occurred,timestamp,eventtime,time,createdat,created,date,updatedat,ts'.split(',');
/** Names of the id of a message. */
const IDS: ReadonlySet<string> = new Set('id,messageid,eventuuid,uuid,guid,msgid'.split(','));
/** Those of them that name an event or a message by themselves. */
const MESSAGE_IDS: ReadonlySet<string> = new Set('messageid,eventuuid,msgid'.split(','));
const STATUSES: readonly string[] = ['status', 'state'];

/** A field that may have some values only, and those. */
interface Enumerated {
  readonly field: string;
  readonly values: readonly string[];
}

/** The value of the domain that a text means; undefined if none is. */
type Meant = (theirs: string, ours: readonly string[], others?: ReadonlySet<string>) => string | undefined;

/** Finds fields by what their values are. Nothing is found without the id of the entity: then the records are no events. */
export class Meaning {
  readonly #domain: DomainFields;
  readonly #records: readonly BodyOfRecord[];
  readonly #leaves: readonly Leaf[];
  readonly #own: ReadonlySet<string>;
  readonly #known: Map<string, string>;
  /** The values that a person has named. */
  readonly #values: ReadonlyMap<string, string>;
  readonly #found = new Map<string, string>();
  readonly #wanted: ReadonlySet<string>;
  readonly #otherTypes: ReadonlyMap<string, ReadonlySet<string>>;
  /** The leaves that are of something else, such as a customer. */
  readonly #others: ReadonlySet<Leaf>;

  constructor(
    domain: DomainFields,
    records: readonly BodyOfRecord[],
    known: ReadonlyMap<string, string>,
    values: ReadonlyMap<string, string>,
  ) {
    this.#domain = domain;
    this.#records = records;
    this.#leaves = leavesOf(records.map(({ body }) => body)).filter(
      ({ place }) => FITS_A_SETTING.test(place) && !place.startsWith(HEADER_PLACE),
    );
    this.#own = ownWordsOf(domain.eventTypes);
    this.#known = new Map(known);
    this.#values = values;
    this.#wanted = wantedNames(domain);
    this.#otherTypes = otherTypesOf(domain);
    this.#others = new Set(this.#leaves.filter((leaf) => isOfAnother(ownNamesOf(leaf), this.#own)));
  }

  places(): ReadonlyMap<string, string> {
    const types = Object.values(this.#domain.eventTypes);
    const ids = new Set(types.map(({ entityIdField }) => entityIdField));
    for (const field of ids) this.#takeId(field);
    if (![...ids].some((field) => this.#has(field))) return new Map();
    for (const name of this.#wanted) {
      if (ids.has(name) || name === 'eventType') continue;
      this.#take(name, (leaf) => leaf.names.length > 1 && this.#isFieldFurtherIn(leaf, name));
    }
    // A value that is spelt like ours tells more than one in which a word is ours.
    const isSpelt: Meant = (theirs, ours) => ours.find((value) => isSpeltAs(theirs, value));
    this.#takeValues(isSpelt, isSpelt);
    // A status of which some values are unknown is the status all the same, and not the name of the event.
    this.#takeStatusByName();
    this.#takeValues(meantBy, typeMeantBy);
    this.#takeAnyStatus();
    this.#takeTypeByName();
    this.#takeTypeHeader();
    for (const field of new Set(types.map(({ occurredAtField }) => occurredAtField))) this.#takeTime(field);
    // The id of an event may be missing, so it is looked for only if the producer has words of its own.
    if (this.#found.size > 0) this.#take('eventId', (leaf) => this.#isEventId(leaf));
    return this.#found;
  }

  /** Takes the id of the entity: a name that says so counts most, then the key, then a name that may say so. */
  #takeId(field: string): void {
    const isExact = (leaf: Leaf) => alike(ownNamesOf(leaf).at(-1) ?? '') === alike(field);
    const isNamed = (leaf: Leaf) => namesOfLeaf(leaf).some((name) => alike(name) === alike(field));
    const isNumbered = (leaf: Leaf) => namesOfLeaf(leaf).some((name) => isNumbering(name, field));
    const isOwn = (leaf: Leaf) =>
      !this.#others.has(leaf) && !isOfAnother(ownNamesOf(leaf).slice(0, -1), this.#own);
    const isBareId = (leaf: Leaf) => IDS.has(alike(ownNamesOf(leaf).at(-1) ?? ''));
    const isId: readonly ((leaf: Leaf) => boolean)[] = [
      (leaf) => this.#isKey(leaf) && (isNamed(leaf) || isNumbered(leaf)),
      (leaf) => isExact(leaf) && isOwn(leaf) && this.#isEndOfKey(leaf),
      (leaf) => this.#isKey(leaf) && isOwn(leaf) && !isBareId(leaf),
      (leaf) => isNamed(leaf) && isOwn(leaf),
      (leaf) => this.#isKey(leaf) && isOwn(leaf),
      (leaf) => isNumbered(leaf) && isOwn(leaf),
      (leaf) => this.#isKeyPart(leaf) && isOwn(leaf),
    ];
    for (const is of isId) if (this.#take(field, is, () => true)) return;
  }

  /** Whether a member further in is this field by its name. A revision is that of the entity beside whose id it stands. */
  #isFieldFurtherIn(leaf: Leaf, field: string): boolean {
    if (!namesOfLeaf(leaf).some((name) => alike(name) === alike(field))) return false;
    if (!leaf.values.every(({ value }) => isPlausible(field, value))) return false;
    return field !== 'revision' || parentOf(leaf) === this.#parentOfId();
  }

  #parentOfId(): string {
    const leaf = this.#idLeaf();
    return leaf === undefined ? '' : parentOf(leaf);
  }

  /** The leaf that is the id of the entity. */
  #idLeaf(): Leaf | undefined {
    const ids = new Set(Object.values(this.#domain.eventTypes).map(({ entityIdField }) => entityIdField));
    const place = [...this.#known, ...this.#found].find(([, ours]) => ids.has(ours))?.[0];
    return this.#leaves.find((each) => each.place === place || (place === undefined && ids.has(each.place)));
  }

  /** Whether the leaf repeats the id of the entity in some record. */
  #isIdAgain(leaf: Leaf): boolean {
    const ids = new Map(this.#idLeaf()?.values.map(({ body, value }) => [body, value]));
    return leaf.values.some(({ body, value }) => ids.get(body) === value);
  }

  #enumerated(): Enumerated[] {
    return Object.values(this.#domain.eventTypes).flatMap(({ schema }) =>
      Object.entries(propertiesOf(schema)).flatMap(([field, { enum: values }]) =>
        values === undefined ? [] : [{ field, values }],
      ),
    );
  }

  /** Takes the members that hold nothing but known statuses, or types. */
  #takeValues(meant: Meant, typeMeant: Meant): void {
    const known = this.#enumerated();
    for (const { field, values } of known) {
      const isStatus = (leaf: Leaf) => this.#hasOnly(leaf, values, meant, field);
      this.#take(field, (leaf) => this.#isNamedStatus(leaf) && isStatus(leaf)) || this.#take(field, isStatus);
    }
    // Several types of events may have their statuses in one member.
    const missing = known.filter(({ field }) => !this.#has(field));
    const values = missing.flatMap((each) => each.values);
    const fields = [...new Set(missing.map(({ field }) => field))];
    if (fields.length > 1) this.#take(fields.join(AND_FIELD), (leaf) => this.#hasOnly(leaf, values, meant));
    const names = Object.keys(this.#domain.eventTypes);
    // A text that is another one in each record is a title, and names no type.
    const isType = (leaf: Leaf) =>
      leaf.values.length === 1 || !isUnique(leaf) || isTypeName(ownNamesOf(leaf).at(-1) ?? '');
    this.#take('eventType', (leaf) => this.#hasOnly(leaf, names, typeMeant) && isType(leaf));
  }

  /** Takes the member that is named like a status, if some of its values are known ones. */
  #takeStatusByName(): void {
    const known = this.#enumerated();
    const missing = known.filter(({ field }) => !this.#has(field));
    const fieldsOf = (leaf: Leaf) => [
      ...new Set(
        missing
          .filter(({ field, values }) =>
            leaf.values.some(({ value }) => this.#isMeant(value, values, meantBy, field)),
          )
          .map(({ field }) => field),
      ),
    ];
    const statuses = this.#leaves.filter(
      (leaf) => this.#isFree(leaf) && this.#isNamedStatus(leaf) && isNoBoolean(leaf),
    );
    const some = statuses.find((leaf) => fieldsOf(leaf).length > 0);
    if (some !== undefined) this.#found.set(some.place, fieldsOf(some).join(AND_FIELD));
  }

  /**
   * Takes the member that is named like a status if no record has a known one: its refusal tells more than that the field is
   * missing.
   */
  #takeAnyStatus(): void {
    const fields = new Set(this.#enumerated().map(({ field }) => field));
    if ([...fields].some((field) => this.#has(field))) return;
    this.#take([...fields].join(AND_FIELD), (leaf) => this.#isNamedStatus(leaf) && isNoBoolean(leaf));
  }

  /** Takes the member that is named like a type, if some of its values are known ones: the others are no events. */
  #takeTypeByName(): void {
    const names = Object.keys(this.#domain.eventTypes);
    const isType = (leaf: Leaf) =>
      isTypeName(ownNamesOf(leaf).at(-1) ?? '') &&
      leaf.values.some(({ value }) => this.#isMeant(value, names, typeMeantBy, ''));
    this.#take('eventType', isType);
  }

  #isNamedStatus(leaf: Leaf): boolean {
    return STATUSES.includes(withoutOwn(ownNamesOf(leaf).at(-1) ?? '', this.#own));
  }

  /** Takes a header that names the type of each record. */
  #takeTypeHeader(): void {
    if (this.#has('eventType')) return;
    const names = Object.keys(this.#domain.eventTypes);
    const headers = headerLeaves(this.#records).filter(
      ({ values }) => values.length === this.#records.length,
    );
    const header =
      headers.find((leaf) => leaf.values.every(({ value }) => names.includes(String(value)))) ??
      headers.find(
        (leaf) => /type|event|kind|action/i.test(leaf.place) && this.#hasOnly(leaf, names, typeMeantBy),
      );
    if (header !== undefined) this.#found.set(header.place, 'eventType');
  }

  #hasOnly({ values }: Leaf, ours: readonly string[], meant: Meant, field = ''): boolean {
    return values.every(({ value }) => this.#isMeant(value, ours, meant, field));
  }

  #isMeant(value: JsonValue, ours: readonly string[], meant: Meant, field: string): boolean {
    if (ours.includes(this.#values.get(String(value)) ?? '')) return true;
    if (typeof value !== 'string') return false;
    return (
      ours.includes(value) ||
      (FITS_A_SETTING.test(value) && meant(value, ours, this.#otherTypes.get(field)) !== undefined)
    );
  }

  /** Whether the records have the field by its own name or by one that was found. */
  #has(field: string): boolean {
    return (
      [...this.#known.values(), ...this.#found.values()].some((ours) =>
        ours.split(AND_FIELD).includes(field),
      ) || this.#records.some(({ body }) => isValue(body[field]))
    );
  }

  /** Takes the first leaf that is this field, if the records do not have it yet. */
  #take(
    field: string,
    isField: (leaf: Leaf) => boolean,
    isFree = (leaf: Leaf) => this.#isFree(leaf),
  ): boolean {
    if (this.#has(field)) return false;
    const leaf = this.#leaves.find((each) => !this.#isTaken(each) && isFree(each) && isField(each));
    if (leaf === undefined) return false;
    this.#found.set(leaf.place, field);
    return true;
  }

  /** Whether the leaf may be a field of the event: it is none yet, and is not of something else, such as a customer. */
  #isFree(leaf: Leaf): boolean {
    return !this.#isTaken(leaf) && !this.#others.has(leaf);
  }

  #isTaken({ place }: Leaf): boolean {
    return this.#known.has(place) || this.#found.has(place) || this.#wanted.has(place);
  }

  /** Takes the time: the one that is named like that of an event, or the only one. */
  #takeTime(field: string): void {
    if (this.#has(field)) return;
    // Some records may be wrong. Then the name has to say that it is a time.
    const isTime = (leaf: Leaf) => {
      const times = leaf.values.filter(({ value }) => isTimeLike(value, leaf)).length;
      return (
        times === leaf.values.length || (times > leaf.values.length / 2 && namesTime(leaf.names.at(-1) ?? ''))
      );
    };
    const all = this.#leaves.filter((leaf) => !this.#isTaken(leaf) && isTime(leaf));
    const times = all.filter((leaf) => this.#isFree(leaf));
    const besideTheOnly = all.filter(
      (leaf) => times[0] !== undefined && parentOf(leaf) === parentOf(times[0]),
    );
    const only = times.length === 1 && besideTheOnly.length === 1 ? times[0] : undefined;
    const headers = headerLeaves(this.#records).filter((leaf) => namesTime(leaf.place) && isTime(leaf));
    // The refusal of a time in an unknown form tells more than that the field is missing.
    const unknown = times.length === 0 ? this.#leaves.filter((leaf) => this.#isFree(leaf)) : [];
    const time =
      only ??
      this.#likeliest(times) ??
      (headers.length === 1 ? headers[0] : this.#likeliest(headers)) ??
      this.#likeliest(unknown);
    if (time !== undefined) this.#found.set(time.place, field);
  }

  #likeliest(times: readonly Leaf[]): Leaf | undefined {
    for (const name of TIMES) {
      const likely = times.find((leaf) => this.#timeName(leaf) === name);
      if (likely !== undefined) return likely;
    }
    return undefined;
  }

  #timeName(leaf: Leaf): string | undefined {
    const name = withoutOwn(ownNamesOf(leaf).at(-1) ?? '', this.#own);
    return TIMES.find((time) => name === time || (time === 'occurred' && name.startsWith(time)));
  }

  /** Whether the leaf is an id of its own for each event: at the first level, or in what stands around events. */
  #isEventId(leaf: Leaf): boolean {
    const names = ownNamesOf(leaf).map(alike);
    const isEventsOwn = areEnvelopes(names.slice(0, -1)) || MESSAGE_IDS.has(names.at(-1) ?? '');
    return (
      IDS.has(names.at(-1) ?? '') &&
      isEventsOwn &&
      isUnique(leaf) &&
      !this.#isIdAgain(leaf) &&
      leaf.values.every(({ value }) => isPlausible('eventId', value))
    );
  }

  /** Whether the leaf is the key of most of the records that have it. */
  #isKey({ values }: Leaf): boolean {
    const same = values.filter(({ body, value }) => this.#keyOf(body).texts.includes(String(value)));
    return same.length > values.length / 2;
  }

  /** Whether the keys are the leaf's values with the same kind of prefix, such as the name of a stream. */
  #isEndOfKey({ values }: Leaf): boolean {
    return values.every(({ body, value }) =>
      this.#keyOf(body).texts.some((text) => text.endsWith(String(value))),
    );
  }

  /** Whether the leaf is one of several parts of each key, and not the same one in all records. */
  #isKeyPart(leaf: Leaf): boolean {
    const { values } = leaf;
    const isConstant = values.every(({ value }) => value === values[0]?.value);
    return (
      (values.length === 1 || !isConstant) &&
      values.every(({ body, value }) => this.#keyOf(body).parts.includes(String(value)))
    );
  }

  readonly #keys = new Map<number, KeyTexts>();

  #keyOf(body: number): KeyTexts {
    const known = this.#keys.get(body) ?? keyTexts(this.#records[body]?.record.key ?? null);
    this.#keys.set(body, known);
    return known;
  }
}

function parentOf(leaf: Leaf): string {
  return ownNamesOf(leaf).slice(0, -1).join('.');
}

function isValue(value: JsonValue | undefined): boolean {
  return value !== undefined && value !== null && typeof value !== 'object';
}

function isNoBoolean({ values }: Leaf): boolean {
  return values.every(({ value }) => typeof value !== 'boolean');
}

function isUnique({ values }: Leaf): boolean {
  return new Set(values.map(({ value }) => String(value))).size === values.length;
}

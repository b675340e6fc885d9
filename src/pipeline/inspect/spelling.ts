import { alike } from '../decode/forms/kinds.ts';
import { type DomainFields, propertiesOf } from './fields.ts';
import { endInAnother, isAnother, wordsOf } from './words.ts';

/* How producers write the values that the domain knows: in other letters, or with other words in front. */

/** Words that turn the meaning of those behind them round. */
const NEGATIONS: ReadonlySet<string> = new Set(['not', 'non', 'un', 'no']);

/**
 * The value of the domain that is meant; undefined if none is. The longest one wins, because others may be its end. `others`:
 * words that never stand in front of it, such as those of other types of events.
 */
export function meantBy(
  theirs: string,
  ours: readonly string[],
  others: ReadonlySet<string> = new Set(),
): string | undefined {
  return [...ours].sort((a, b) => b.length - a.length).find((value) => isSameValue(theirs, value, others));
}

/** By each field that may have some values only: the words of the types of events that do not have it. */
export function otherTypesOf({ eventTypes }: Pick<DomainFields, 'eventTypes'>): Map<string, Set<string>> {
  const types = Object.entries(eventTypes).map(([name, { schema }]) => ({
    words: wordsOf(name),
    fields: Object.keys(propertiesOf(schema)),
  }));
  const fields = new Set(types.flatMap((type) => type.fields));
  return new Map(
    [...fields].map((field) => [
      field,
      new Set(types.filter((type) => !type.fields.includes(field)).flatMap((type) => type.words)),
    ]),
  );
}

/**
 * The type of event that is meant, also if what happened stands behind it: `OrderCreated` is one of `ORDER`, and
 * `com.shop.OrderCreated` too. The last thing that is named decides: `order.item.created` is none.
 */
export function typeMeantBy(theirs: string, types: readonly string[]): string | undefined {
  const given = wordsOf(theirs);
  const places = types.map((type) => ({ type, place: lastPlaceOf(wordsOf(type), given) }));
  const last = places.reduce((a, b) => (b.place > a.place ? b : a), { type: '', place: -1 });
  const begins = theirs
    .split(/[.:/]+/)
    .some((part) => types.some((type) => lastPlaceOf(wordsOf(type), wordsOf(part), 0) === 0));
  const isNamed = begins && last.place >= 0 && !given.slice(last.place).some(isAnother);
  return meantBy(theirs, types) ?? (isNamed ? last.type : undefined);
}

/** Where these words stand among the given ones for the last time, up to a place; -1 if they do not. */
function lastPlaceOf(words: readonly string[], given: readonly string[], upTo = given.length): number {
  return given.findLastIndex(
    (_, place) => place <= upTo && words.every((word, index) => given[place + index] === word),
  );
}

/** Whether a value is one of the domain's in other letters. */
export function isSpeltAs(theirs: string, ours: string): boolean {
  return alike(theirs).replaceAll('.', '') === alike(ours);
}

/**
 * Whether a value is written in other letters, or with other words in front, such as the name of its enumeration. Words for
 * another thing, as in `customer.created`, are none of those.
 */
function isSameValue(theirs: string, ours: string, others: ReadonlySet<string>): boolean {
  if (isSpeltAs(theirs, ours)) return true;
  const [given, wanted] = [wordsOf(theirs), wordsOf(ours)];
  const before = given.slice(0, given.length - wanted.length);
  if (before.length === 0 || NEGATIONS.has(before.at(-1) ?? '') || endInAnother(before)) return false;
  if (before.some((word) => others.has(word))) return false;
  return wanted.length > 0 && wanted.every((word, index) => given[before.length + index] === word);
}

type Style = (words: readonly string[]) => string;

const capital = (word: string) => word.slice(0, 1).toUpperCase() + word.slice(1);

const STYLES: readonly Style[] = [
  (words) => words.join('_').toUpperCase(),
  (words) => words.join('_'),
  (words) => words.join('-'),
  (words) => words.join('.'),
  (words) => words.map(capital).join(''),
  (words) => words.map((word, index) => (index === 0 ? word : capital(word))).join(''),
  (words) => words.map(capital).join(' '),
];

/**
 * All values of the domain as a producer writes them, if one way explains every pair that was seen. Empty if none does, or
 * several do that differ.
 */
export function writtenAlike(
  pairs: ReadonlyMap<string, string>,
  ours: readonly string[],
): Map<string, string> {
  const ways = new Map<string, Map<string, string>>();
  for (const style of STYLES) {
    const styled = (value: string) => style(wordsOf(value));
    const prefixes = new Set(
      [...pairs].map(([theirs, value]) =>
        theirs.endsWith(styled(value)) ? theirs.slice(0, theirs.length - styled(value).length) : null,
      ),
    );
    const [prefix] = prefixes;
    if (prefixes.size !== 1 || prefix === undefined || prefix === null) continue;
    const written = new Map(ours.map((value) => [prefix + styled(value), value]));
    ways.set([...written.keys()].join(), written);
  }
  const [way, ...others] = ways.values();
  return way === undefined || others.length > 0 ? new Map() : way;
}

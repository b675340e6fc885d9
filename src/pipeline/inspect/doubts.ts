import type { JsonObject } from '../../core/domain.ts';
import { isConnectEnvelope } from '../decode/forms/bodies.ts';
import { alike } from '../decode/forms/kinds.ts';
import type { SourceOptions } from '../decode/source/options.ts';
import { type BodyOfRecord, type DomainFields, isWrapping } from './fields.ts';
import { type Leaf, leavesOf, ownNamesOf } from './leaves.ts';
import { isTimeLike } from './time-like.ts';
import { isOfAnother, ownWordsOf, withoutOwn } from './words.ts';

/** Names of times that are often those of events. */
const TIMES =
  'occurredat,timestamp,time,createdat,created,createdon,date,updatedat,updated,modifiedat,ts'.split(',');
/** The most names that one sentence lists. */
const NAMES_MAX = 5;

/** Says that no member is the id of the entity, if the records are objects that might have one. */
export function missingIds({ eventTypes }: DomainFields, bodies: readonly JsonObject[]): string[] {
  const ids = [...new Set(Object.values(eventTypes).map(({ entityIdField }) => entityIdField))];
  const objects = bodies.filter((body) => !isWrapping(body) && !isConnectEnvelope(body));
  if (objects.length === 0 || objects.some((body) => ids.some((id) => Object.hasOwn(body, id)))) return [];
  return [
    `No member has the name of ${ids.join(' or ')}, and none is what the keys are. Name it among the fields, and inspect again.`,
  ];
}

/**
 * What the records do not tell about the names of fields that were found: which of several times is that of the event, and
 * whether an id is that of the event or of the entity. `bodies` have the names that they have in the records.
 */
export function doubtsOf(
  domain: DomainFields,
  { fields = new Map() }: Pick<SourceOptions, 'fields'>,
  bodies: readonly BodyOfRecord[],
): string[] {
  const leaves = leavesOf(bodies.map(({ body }) => body));
  const types = Object.values(domain.eventTypes);
  const placeOf = (ours: string) => [...fields].find(([, field]) => field === ours)?.[0];
  const times = new Set(types.map(({ occurredAtField }) => occurredAtField));
  const own = ownWordsOf(domain.eventTypes);
  const doubts = [...times].flatMap((field) => {
    const place = placeOf(field);
    const others = place === undefined ? [] : otherTimes(leaves, place, own).filter((each) => each !== field);
    return others.length === 0
      ? []
      : [`${field} is ${place} here, and ${others.join(', ')} holds times too.`];
  });
  for (const [place, ours] of fields) {
    if (!/status/i.test(ours) || ours.includes('+')) continue;
    const other = leaves.find((each) => isOtherStatus(each, fields, own));
    if (other !== undefined && !isStatus(place.split('.').at(-1) ?? '', own))
      doubts.push(`${ours} is ${place} here, and ${other.place} is named like a status.`);
  }
  const id = placeOf('eventId');
  const leaf = leaves.find((each) => each.place === id);
  const isBare = leaf !== undefined && ownNamesOf(leaf).map(alike).join() === 'id';
  const keys = bodies.map(({ record: { key } }) => Buffer.from(key ?? []).toString('latin1'));
  const isTold = keys.some((key, index) => key !== '' && keys.indexOf(key) !== index);
  if (isBare && !isTold)
    doubts.push(
      `eventId is ${id} here; no key has two of these records, so it may be the id of something else.`,
    );
  return doubts;
}

function otherTimes(leaves: readonly Leaf[], place: string, own: ReadonlySet<string>): string[] {
  return leaves
    .filter(
      (leaf) =>
        leaf.place !== place &&
        !isOfAnother(ownNamesOf(leaf), own) &&
        TIMES.includes(withoutOwn(ownNamesOf(leaf).at(-1) ?? '', own)) &&
        leaf.values.every(({ value }) => isTimeLike(value, leaf)),
    )
    .map((leaf) => leaf.place)
    .slice(0, NAMES_MAX);
}

function isStatus(name: string, own: ReadonlySet<string>): boolean {
  return ['status', 'state'].includes(withoutOwn(name, own));
}

function isOtherStatus(leaf: Leaf, fields: ReadonlyMap<string, string>, own: ReadonlySet<string>): boolean {
  const names = ownNamesOf(leaf);
  return !fields.has(leaf.place) && !isOfAnother(names, own) && isStatus(names.at(-1) ?? '', own);
}

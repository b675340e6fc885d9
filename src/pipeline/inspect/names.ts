import type { JsonObject } from '../../core/domain.ts';
import { isJsonObject } from '../../core/json-canonical.ts';
import { isConnectEnvelope, looksLikeCloudEvent } from '../decode/forms/bodies.ts';
import { alike, parsed, similarName } from '../decode/forms/kinds.ts';
import { HEADER_PLACE } from '../decode/source/field-names.ts';
import {
  type BodyOfRecord,
  type DomainFields,
  FITS_A_SETTING,
  isPlausible,
  isWrapping,
  wantedNames,
} from './fields.ts';
import { EVENT_IDS, idHeader, MESSAGE_IDS } from './header-fields.ts';
import { Meaning } from './meaning.ts';

/**
 * The places in the records at which fields of the domain stand under another name, with the domain's names: by similar names,
 * and if the id of the entity has no such name, by what the values are. `values`,
 * `fields`: those that a person has named.
 */
export function namesIn(
  domain: DomainFields,
  given: readonly BodyOfRecord[],
  values: ReadonlyMap<string, string> = new Map(),
  fields: ReadonlyMap<string, string> = new Map(),
): Map<string, string> {
  const records = given.map(({ record, body }) => ({ record, body: dataOf(body) }));
  const similar = [...similarNames(domain, records)].filter(
    ([, ours]) => ![...fields.values()].includes(ours),
  );
  const found = new Map([...fields, ...similar]);
  const bodies = records.filter(({ body }) => !isWrapping(body) && !isConnectEnvelope(body));
  for (const [place, ours] of new Meaning(domain, bodies, found, values).places()) found.set(place, ours);
  const isMapped = () => [...found.values()].includes('eventId');
  const named = idHeader(records, EVENT_IDS);
  const id = [...found].find(([, ours]) => ours === 'eventId')?.[0];
  // The name of such a header tells more than that of a member.
  if (named !== undefined && id !== undefined && alike(id) === 'id') found.delete(id);
  const header = named ?? (found.size === 0 ? undefined : idHeader(records, MESSAGE_IDS));
  if (header !== undefined && !isMapped()) found.set(`${HEADER_PLACE}${header}`, 'eventId');
  return found;
}

/** The data in an envelope of CloudEvents, which every source looks at; the body itself if it is none. */
function dataOf(body: JsonObject): JsonObject {
  if (!looksLikeCloudEvent(body)) return body;
  const data = typeof body.data === 'string' ? parsed(body.data) : body.data;
  return isJsonObject(data) ? data : body;
}

function similarNames(domain: DomainFields, records: readonly BodyOfRecord[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (const { body } of records) {
    const names = Object.keys(body);
    for (const name of wantedNames(domain)) {
      const theirs = names.includes(name) ? undefined : similarName(names, name);
      if (theirs === undefined || !FITS_A_SETTING.test(theirs)) continue;
      if (!isPlausible(name, body[theirs])) continue;
      if (!fields.has(theirs) && ![...fields.values()].includes(name)) fields.set(theirs, name);
    }
  }
  return fields;
}

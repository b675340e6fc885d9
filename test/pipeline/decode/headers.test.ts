import { describe, expect, it } from 'vitest';
import {
  announcesCloudEvent,
  classifyContentType,
  readHeaders,
} from '../../../src/pipeline/decode/headers.ts';
import type { LoggedHeader } from '../../../src/ports/event-log.ts';
import { ENVELOPE, eventOf, ORDER_BODY, rejectionOf, STRUCTURED } from './records.ts';

type Given = readonly [name: string, value: string | Buffer | null];

const said = (...headers: readonly Given[]) => {
  const read = readHeaders(
    headers.map(([name, value]): LoggedHeader => [name, value === null ? null : Buffer.from(value)]),
  );
  return 'reason' in read ? `${read.reason}: ${read.detail}` : read;
};
const body = (eventId: string | null = null) => ({ mode: 'body', eventId, trace: null });
const NOT_ONE = 'cloudevents_version_unsupported: The CloudEvents specversion is not 1.0';

describe('the header ce_specversion', () => {
  it.each(['1.0', '1', '"1.0"', '"1"'])('takes %s', (version) => {
    expect(said(['ce_specversion', version])).toEqual(body());
  });

  it.each(['0.3', '1.1', '1.0.1', '10', '"2.0"', '1"', '"1', '2', '1.00'])(
    'refuses another version: %s',
    (version) => {
      expect(said(['ce_specversion', version])).toBe(`${NOT_ONE}.`);
    },
  );

  it.each(['', 'x', 'x1.0', '1.0x', '1.', '.1', '1..0', '"1.0"x', Buffer.from([0xff])])(
    'refuses what is no number: %j',
    (version) => {
      expect(said(['ce_specversion', version])).toBe(`${NOT_ONE}: it is no number at all.`);
    },
  );

  it('takes the other headers out of their quotes if it stands in quotes itself', () => {
    expect(said(['ce_specversion', '"1.0"'], ['ce_id', '"e1"'])).toEqual(body('e1'));
    expect(said(['ce_id', '"e1"'], ['ce_specversion', '"1"'])).toEqual(body('e1'));
    expect(said(['ce_specversion', '1.0'], ['ce_id', '"e1"'])).toEqual(body('"e1"'));
    expect(said(['ce_specversion', '1'], ['ce_id', '"e1"'])).toEqual(body('"e1"'));
    expect(said(['ce_specversion', '"1.0"'], ['ce_id', 'x"e1"'])).toEqual(body('x"e1"'));
    expect(said(['ce_specversion', '"1.0"'], ['ce_id', '"e1"x'])).toEqual(body('"e1"x'));
    expect(said(['ce_specversion', '"1.0"'], ['ce_id', '"e\n"'])).toEqual(body('"e\n"'));
    expect(said(['ce_specversion', '"1.0"'])).toEqual(body());
  });
});

describe('the headers of a record', () => {
  it('say nothing if there are none, or others', () => {
    expect(said()).toEqual(body());
    expect(
      said(['x', 'y'], ['Ce_id', 'e1'], ['ceid', 'e2'], ['content-typ', 'x'], ['content-types', 'x']),
    ).toEqual(body());
  });

  it('count as absent if they are null, except the id', () => {
    expect(said(['ce_specversion', null], ['content-type', null], ['ce_type', null])).toEqual(body());
    expect(said(['ce_id', null])).toBe('header_invalid: The header ce_id is null.');
    expect(said(['ce_id', Buffer.from([0xc3])])).toBe('header_invalid: The header ce_id is not valid UTF-8.');
  });

  it('come twice only if no CloudEvent names them', () => {
    const twice = 'header_duplicate: A CloudEvents header or content-type stands more than once.';
    expect(said(['x', '1'], ['x', '2'], ['ce_id', 'e1'], ['ce_type', 't'])).toEqual(body('e1'));
    expect(said(['ce_a', '1'], ['ce_a', '2'])).toBe(twice);
    expect(said(['ce_a', null], ['x', '2'], ['ce_a', null])).toBe(twice);
    expect(said(['content-type', 'application/json'], ['content-type', 'application/json'])).toBe(twice);
  });

  it.each([23, 24, 25, 26])('differ from each other, however many there are: %i', (count) => {
    const names = Array.from({ length: count }, (_, index) => [`ce_${index}`, 'x'] as const);
    expect(said(...names)).toEqual(body());
    expect(said(...names.slice(1), ['ce_5', 'x'])).toMatch(/^header_duplicate/);
    expect(said(...names.slice(2), ['x', 'a'], ['x', 'a'])).toEqual(body());
  });

  it('say by content-type where the event is', () => {
    const mode = (type: string | Buffer) => said(['content-type', type]);
    expect(mode('application/json')).toEqual(body());
    expect(mode('"application/json"')).toEqual(body());
    expect(mode('application/cloudevents+json')).toEqual({ mode: 'structured', eventId: null, trace: null });
    expect(mode('"application/cloudevents+json"')).toMatchObject({ mode: 'structured' });
    expect(mode(Buffer.from([0xff]))).toMatch(/^content_type_unsupported: .*\+json\)\.$/);
    expect(said(['content-type', 'application/cloudevents+json'], ['ce_id', 'e1'])).toMatchObject({
      mode: 'structured',
      eventId: 'e1',
    });
  });

  it.each(['d', '"u"', 'x'])('name the operation of a row that was flattened: %s', (operation) => {
    expect(said(['__op', operation])).toMatch(/^change_not_insert/);
  });

  it.each(['c', '"r"', 'dd', 'D', '', null, Buffer.from([0xff])])(
    'name no such operation with %j',
    (operation) => {
      expect(said(['__op', operation], ['ce_id', 'e1'])).toEqual(body('e1'));
      expect(said(['op', 'd'])).toEqual(body());
    },
  );
});

describe('announcesCloudEvent', () => {
  it.each<[Given[], boolean]>([
    [[], false],
    [[['ce_id', 'a']], true],
    [[['ce_specversion', '1.0']], true],
    [[['ce_specversion', null]], false],
    [[['ce_id', null]], false],
    [[['ce_type', 'a']], false],
    [
      [
        ['x', 'a'],
        ['ce_id', 'a'],
      ],
      true,
    ],
  ])('of %j: %s', (headers, announces) => {
    expect(
      announcesCloudEvent(headers.map(([name, value]) => [name, value === null ? null : Buffer.from(value)])),
    ).toBe(announces);
  });
});

describe('the character set of a content type', () => {
  it.each([
    ['application/json;charset=utf-8', true],
    ['application/json;charset="utf8"', true],
    ['application/json;charset  =  "UTF-8"', true],
    ['application/json;charset=', false],
    ['application/json;charset=utf-16', false],
    ['application/json;charset=utf-8x', false],
    ['application/json;xcharset=utf-16', true],
    ['application/json;charset="utf-16"x', true],
  ])('%s is read: %s', (type, isRead) => {
    expect(classifyContentType(type) === 'body').toBe(isRead);
  });

  it.each([
    'text/plain',
    'text/json',
    'text/xml',
    'text/html',
    'application/octet-stream',
    'application/xml',
    'application/avro',
    'application/x-protobuf',
    'application/x-java-object',
    'application/x-java-serialized-object',
  ])('%s is named', (type) => {
    expect(classifyContentType(type)).toMatchObject({
      reason: 'content_type_unsupported',
      detail: `The content-type is not JSON in UTF-8 (application/json, application/…+json, application/cloudevents+json): it is ${type}.`,
    });
  });
});

describe('an envelope of CloudEvents', () => {
  const rejected = (envelope: unknown) => {
    const { reason, detail } = rejectionOf({ value: envelope as object, headers: STRUCTURED });
    return `${reason}: ${detail}`;
  };
  const eventWith = (more: object) =>
    eventOf({ value: { ...ENVELOPE, data: ORDER_BODY, ...more }, headers: STRUCTURED });
  const text = JSON.stringify(ORDER_BODY);

  it('counts members that are null as absent', () => {
    const plain = eventWith({});
    expect(eventWith({ datacontenttype: null })).toEqual(plain);
    expect(eventWith({ data_base64: null })).toEqual(plain);
    expect(eventWith({ datacontenttype: 'application/json' })).toEqual(plain);
    expect(eventWith({ specversion: 1 })).toEqual(plain);
  });

  it.each(['text/plain', 'TEXT/PLAIN ; charset=utf-8', 'text/plain  ;x=1', 'text/plain'])(
    'holds JSON in a text of the type %s',
    (datacontenttype) => {
      expect(eventWith({ datacontenttype, data: text }).eventId).toBe('e1');
    },
  );

  it.each(['text/plainer', 'xtext/plain', 'text/plain x'])(
    'holds no JSON in a text of the type %s',
    (datacontenttype) => {
      expect(rejected({ ...ENVELOPE, datacontenttype, data: text })).toMatch(/^content_type_unsupported/);
    },
  );

  it('gets the reason of its data where that is no event', () => {
    const NO_OBJECT = "body_not_object: The envelope's data is a text that holds no JSON object.";
    expect(rejected({ ...ENVELOPE, data: '[1]' })).toBe(NO_OBJECT);
    expect(rejected({ ...ENVELOPE, data: 'x' })).toBe(NO_OBJECT);
    expect(rejected({ ...ENVELOPE, data: '' })).toBe(NO_OBJECT);
    expect(rejected({ ...ENVELOPE, data: 7 })).toBe(
      'body_not_object: The body is JSON, but not an object: it is a number.',
    );
    expect(rejected({ ...ENVELOPE, data: ORDER_BODY, datacontenttype: 'application/cloudevents' })).toBe(
      'cloudevents_envelope_invalid: datacontenttype says that the data is an envelope again.',
    );
    expect(rejected({ ...ENVELOPE, data_base64: Buffer.from('[1]').toString('base64') })).toMatch(
      /^body_not_object/,
    );
  });

  it('hashes data in base64 by its content, and not by its bytes', () => {
    const spaced = Buffer.from(JSON.stringify(ORDER_BODY, null, 1)).toString('base64');
    const sorted = Buffer.from(text).toString('base64');
    const hashOf = (data_base64: string) =>
      eventOf({ value: { ...ENVELOPE, data_base64 }, headers: STRUCTURED }).contentHash;
    expect([hashOf(spaced), hashOf(sorted)]).toEqual([eventOf({}).contentHash, eventOf({}).contentHash]);
    expect(eventWith({ data: text }).contentHash).toBe(eventOf({}).contentHash);
  });

  it('keeps the digits of large numbers of its data alone', () => {
    const envelope = (data: string, more = '') =>
      `{"specversion":"1.0","id":"e1","source":"/s","type":"t"${more},"data":${data}}`;
    const large = text.replace('}', ',"n":9007199254740993}');
    expect(eventOf({ value: envelope(large), headers: STRUCTURED }).data).toBe(large);
    expect(eventOf({ value: envelope(text, ',"n":9007199254740993'), headers: STRUCTURED }).data).toBe(text);
    expect(rejected(JSON.parse(envelope('[1]')))).toMatch(/^body_not_object/);
    expect(rejectionOf({ value: envelope('[9007199254740993]'), headers: STRUCTURED }).reason).toBe(
      'body_not_object',
    );
    expect(rejectionOf({ value: envelope('9007199254740993'), headers: STRUCTURED }).reason).toBe(
      'body_not_object',
    );
  });
});

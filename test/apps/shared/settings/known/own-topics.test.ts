import { describe, expect, it } from 'vitest';
import { OWN_TOPIC_SETTINGS, ownSources } from '../../../../../src/apps/shared/settings/known/own-topics.ts';

describe('ownSources', () => {
  it('reads the options of each topic, its mappings as maps', () => {
    const text = JSON.stringify({
      counts: {
        kind: 'connect-json',
        key: 'json',
        time: 'milliseconds',
        body: 'payload',
        type: 'COUNT',
        id: 'number',
      },
      moves: { fields: { n: 'quantity' }, values: { in: 'IN', out: 'OUT' } },
      plain: {},
    });
    expect(ownSources(text)).toEqual({
      counts: {
        kind: 'connect-json',
        key: 'json',
        time: 'milliseconds',
        body: 'payload',
        type: 'COUNT',
        id: 'number',
      },
      moves: {
        fields: new Map([['n', 'quantity']]),
        values: new Map([
          ['in', 'IN'],
          ['out', 'OUT'],
        ]),
      },
      plain: {},
    });
  });

  it.each([
    ['{', 'give a JSON object'],
    ['[]', 'give a JSON object'],
    ['null', 'give a JSON object'],
    ['{"a": []}', 'give "a" an object'],
    ['{"a": {"colour": "red"}}', '"a" has "colour"; known are kind'],
    ['{"a": {"kind": "avro"}}', 'give "kind" of "a" json, cloudevents'],
    ['{"a": {"time": 1}}', 'give "time" of "a" rfc3339'],
    ['{"a": {"id": "uuid"}}', 'give "id" of "a" text, number'],
    ['{"a": {"body": 1}}', 'give "body" of "a" the name of a member'],
    ['{"a": {"fields": ["n"]}}', 'give "fields" of "a" an object: theirs to ours'],
    ['{"a": {"fields": {"n": "quantity", "m": 1}}}', 'give "fields" of "a" an object: theirs to ours'],
    ['{"a": {"values": null}}', 'give "values" of "a" an object: theirs to ours'],
  ])('refuses %s', (text, fault) => {
    expect(() => ownSources(text)).toThrow(fault);
  });
});

describe('the names of topics', () => {
  const parse = (text: string) => OWN_TOPIC_SETTINGS.topicNames.parse(text);

  it('come in pairs', () => {
    expect(parse('counts=shop.counts,moves=shop_moves-1')).toEqual([
      'counts=shop.counts',
      'moves=shop_moves-1',
    ]);
  });

  it.each(['counts', '=x', 'counts=', 'counts=a b', `counts=${'x'.repeat(250)}`])(
    'the setting refuses "%s"',
    (text) => {
      expect(() => parse(text)).toThrow('give name=actual');
    },
  );
});

import { describe, expect, it } from 'vitest';
import { parseBodyTemplate } from '../../src/core/body-template.ts';

const NAMES = ['order_id', 'order_status', 'review_status', 'ready_to_send', 'version'];
const ROW = {
  order_id: 'A "1"',
  order_status: 'CREATED',
  review_status: null,
  ready_to_send: true,
  version: 3,
};
const fill = (template: unknown) => JSON.parse(parseBodyTemplate(JSON.stringify(template), NAMES).fill(ROW));

describe('the template of a body', () => {
  it('gives values other names, and keeps their types', () => {
    expect(
      fill({ id: '{order_id}', ready: '{ready_to_send}', v: '{version}', review: '{review_status}' }),
    ).toEqual({
      id: 'A "1"',
      ready: true,
      v: 3,
      review: null,
    });
  });

  it('nests by objects and by keys with dots', () => {
    expect(
      fill({
        'customer.order.id': '{order_id}',
        'customer.order.state': { name: '{order_status}' },
        'customer.kind': 'shop',
      }),
    ).toEqual({ customer: { order: { id: 'A "1"', state: { name: 'CREATED' } }, kind: 'shop' } });
  });

  it('keeps constants, and braces that are doubled', () => {
    expect(
      fill({ id: '{order_id}', n: 7, no: null, yes: true, list: ['{version}', 'x'], text: '{{order_id}}' }),
    ).toEqual({
      id: 'A "1"',
      n: 7,
      no: null,
      yes: true,
      list: [3, 'x'],
      text: '{order_id}',
    });
  });

  it('writes values into longer texts, and leaves values with a question mark out where they are null', () => {
    expect(
      fill({
        text: 'order {order_id}, {review_status}v{version}',
        review: '{review_status?}',
        id: '{order_id?}',
      }),
    ).toEqual({
      text: 'order A "1", v3',
      id: 'A "1"',
    });
  });

  it('knows which values it uses', () => {
    const { uses } = parseBodyTemplate(
      '{"a": "{order_id}", "b": ["x{version}"], "c": "{{ready_to_send}}"}',
      NAMES,
    );
    expect(uses).toEqual(new Set(['order_id', 'version']));
  });

  it.each([
    ['{"id": ', /no valid JSON/],
    ['["{order_id}"]', /has to be a JSON object/],
    ['{"id": "{orderid}"}', /\{orderid\} is no value of a state: there are \{order_id\}, /],
    ['{"id": "{order_id"}', /single brace/],
    ['{"id": "order_id}"}', /single brace/],
    ['{"a.b": 1, "a": 2}', /"a" is given twice/],
    ['{"a": 2, "a.b": 1}', /"a\.b" goes below "a", which is no object/],
    ['{"a.b": 1, "a": {"b": 2}}', /"a" is given twice/],
    ['{"a..b": 1}', /empty part/],
  ])('refuses %s', (text, message) => {
    expect(() => parseBodyTemplate(text, NAMES)).toThrow(message);
  });
});

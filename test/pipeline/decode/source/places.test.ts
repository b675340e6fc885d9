import { describe, expect, it } from 'vitest';
import type { SourceOptions } from '../../../../src/pipeline/decode/source/options.ts';
import { ENVELOPE, ORDER_BODY, ORDER_SOURCE, ordersDecoder, type RecordParts, recordOf } from '../records.ts';

/** The event of the record under these options, or its reason and detail. */
function read(options: SourceOptions, parts: RecordParts) {
  const decoder = ordersDecoder({ sources: { [ORDER_SOURCE.topic]: options } });
  const decoded = decoder.decode(recordOf(parts), ORDER_SOURCE, 7);
  return decoded.kind === 'event' ? decoded.event : `${decoded.record.reason}: ${decoded.record.detail}`;
}

const { orderId, orderStatus, timestamp, eventType } = ORDER_BODY;
const fields = (pairs: Record<string, string>) => ({ fields: new Map(Object.entries(pairs)) });

describe('the place of a field', () => {
  it('leads further in, also through a text that holds JSON', () => {
    const deep = fields({ 'data.id': 'orderId', 'data.attributes.status': 'orderStatus' });
    const data = { id: orderId, attributes: { status: orderStatus } };
    expect(read(deep, { value: { eventType, timestamp, data } })).toMatchObject({
      entityId: orderId,
      data: `{"eventType":"ORDER","timestamp":"${timestamp}","data":{"id":"${orderId}","attributes":{"status":"CREATED"}},"orderId":"${orderId}","orderStatus":"CREATED"}`,
    });
    expect(read(deep, { value: { eventType, timestamp, data: JSON.stringify(data) } })).toMatchObject({
      entityId: orderId,
    });
  });

  it('leads into a member that has the name of the domain itself', () => {
    const tagged = fields({ 'orderId.string': 'orderId', 'orderStatus.com.shop.Status': 'orderStatus' });
    const value = {
      ...ORDER_BODY,
      orderId: { string: orderId },
      orderStatus: { 'com.shop.Status': orderStatus },
    };
    expect(read(tagged, { value })).toMatchObject({ data: JSON.stringify(ORDER_BODY) });
  });

  it('counts as the name of a member first', () => {
    const flat = { eventType, timestamp, orderStatus, 'order.id': orderId, order: { id: 'another' } };
    expect(read(fields({ 'order.id': 'orderId' }), { value: flat })).toMatchObject({ entityId: orderId });
  });

  it('keeps the digits of numbers', () => {
    const value = `{"eventType":"ORDER","orderStatus":"CREATED","timestamp":"${timestamp}","order":{"id":9007199254740993}}`;
    const read9 = read(
      { ...fields({ 'order.id': 'orderId' }), id: 'number' },
      { value, key: '9007199254740993' },
    );
    expect(read9).toMatchObject({ entityId: '9007199254740993' });
  });

  it('gives one field the names of several types of events', () => {
    const both = fields({ status: 'orderStatus+paymentStatus', 'data.at': 'timestamp' });
    const value = { eventType, orderId, status: orderStatus, data: { at: timestamp } };
    expect(read(both, { value })).toMatchObject({
      data: `{"eventType":"ORDER","orderId":"${orderId}","orderStatus":"CREATED","paymentStatus":"CREATED","data":{"at":"${timestamp}"},"timestamp":"${timestamp}"}`,
    });
    expect(read(both, { value: { ...value, paymentStatus: 'x' } })).toMatch(/^json_duplicate_key/);
    const inside = fields({ 'data.status': 'orderStatus+paymentStatus' });
    const deep = { eventType, orderId, timestamp, data: { status: orderStatus } };
    expect(read(inside, { value: deep })).toMatchObject({ entityId: orderId });
  });

  it('refuses a body that has the field in two places', () => {
    const value = { ...ORDER_BODY, order: { id: 'another' } };
    expect(read(fields({ 'order.id': 'orderId' }), { value })).toMatch(/^json_duplicate_key: .* mapped one/);
    const twice = { eventType, timestamp, orderStatus, id: orderId, order: { id: orderId } };
    expect(read(fields({ id: 'orderId', 'order.id': 'orderId' }), { value: twice })).toMatch(
      /^json_duplicate_key/,
    );
  });

  it('says nothing if nothing is there', () => {
    for (const value of [ORDER_BODY, { ...ORDER_BODY, order: { id: null } }, { ...ORDER_BODY, order: '{' }])
      expect(read(fields({ 'order.id': 'orderId' }), { value })).toMatchObject({ entityId: orderId });
  });
});

describe('the place of the event', () => {
  it('leads through several levels', () => {
    const inside = { body: 'detail.order' };
    expect(read(inside, { value: { detail: { order: ORDER_BODY } } })).toMatchObject({ entityId: orderId });
    const asText = { detail: JSON.stringify({ order: JSON.stringify(ORDER_BODY) }) };
    expect(read(inside, { value: asText })).toMatchObject({ entityId: orderId });
    expect(read(inside, { value: { 'detail.order': ORDER_BODY } })).toMatchObject({ entityId: orderId });
    expect(read(inside, { value: { detail: { another: 1 } } })).toMatch(
      /^source_mismatch: The value has no member detail\.order/,
    );
  });
});

describe('a field in a header', () => {
  const { eventType: _type, ...untyped } = ORDER_BODY;

  it('becomes the id of the event, before that of the body', () => {
    const options = fields({ 'header:ce-id': 'eventId' });
    const headers = [['ce-id', 'e-7']] as const;
    expect(read(options, { headers })).toMatchObject({ eventId: 'e-7', data: JSON.stringify(ORDER_BODY) });
    const own = { ...ORDER_BODY, eventId: 'own' };
    expect(read(options, { value: own, headers })).toMatchObject({ eventId: 'e-7' });
    expect(read(options, { value: own })).toMatchObject({ eventId: 'own' });
    const enveloped = { ...ENVELOPE, data: ORDER_BODY };
    expect(read(options, { value: enveloped, headers })).toMatchObject({ eventId: 'e-7' });
  });

  it('stands in for a field that the body lacks, out of its quotes', () => {
    const options = fields({ 'header:kind': 'eventType' });
    const headers = [['kind', '"ORDER"']] as const;
    expect(read(options, { value: untyped, headers })).toMatchObject({ eventType: 'ORDER' });
    expect(read(options, { headers: [['kind', 'PAYMENT']] })).toMatchObject({ eventType: 'ORDER' });
    const both = { ...options, type: 'PAYMENT' };
    expect(read(both, { value: untyped, headers })).toMatchObject({ eventType: 'ORDER' });
    expect(read(options, { value: untyped })).toMatch(/^event_type_missing/);
  });

  it('gives the number of a revision', () => {
    const options = fields({ 'header:rev': 'revision' });
    expect(read(options, { headers: [['rev', '3']] })).toMatchObject({ revision: 3 });
    expect(read(options, { value: { ...ORDER_BODY, revision: 2 }, headers: [['rev', '3']] })).toMatchObject({
      revision: 2,
    });
    expect(read(options, { headers: [['rev', 'v3']] })).toMatch(/^revision_invalid/);
  });

  it('refuses a header that stands twice', () => {
    const twice = [
      ['ce-id', 'a'],
      ['ce-id', 'b'],
    ] as const;
    expect(read(fields({ 'header:ce-id': 'eventId' }), { headers: twice })).toMatch(/^header_duplicate/);
    expect(read({ time: 'seconds' }, { headers: twice })).toMatchObject({ entityId: orderId });
  });
});

describe('a source that is set', () => {
  it.each(['connect-json', 'schema-registry'] as const)(
    'says what the value is, whatever content-type says: %s',
    (kind) => {
      const headers = [['content-type', 'text/plain']] as const;
      expect(read({ kind }, { headers })).toMatchObject({ entityId: orderId });
      expect(read({ kind: 'json', time: 'seconds' }, { headers })).toMatch(/^content_type_unsupported/);
    },
  );

  it.each([
    ['12345.0', '12345'],
    ['1E3', '1000'],
    ['0', '0'],
  ])('reads an id that is a whole number however it is written: %s', (written, id) => {
    const value = JSON.stringify(ORDER_BODY).replace(`"${orderId}"`, written);
    expect(read({ id: 'number' }, { value, key: id })).toMatchObject({ entityId: id });
  });

  it.each(['-0.0', '1.5', '1e300'])('leaves a number alone that is none: %s', (written) => {
    const value = JSON.stringify(ORDER_BODY).replace(`"${orderId}"`, written);
    expect(read({ id: 'number' }, { value, key: written })).toMatch(/^field_type_wrong/);
  });
});

import { describe, expect, it } from 'vitest';
import { shipments } from '../../../../examples/shipment/domain.ts';
import { triedBody } from '../../../../src/apps/order-sync/targets/tried-rows.ts';
import { parseBodyTemplate } from '../../../../src/core/body-template.ts';

const STATE = {
  order_id: 'check-1',
  order_status: 'CREATED',
  payment_status: 'PAYMENT_AUTHORIZED',
  review_status: null,
  ready_to_send: true,
  version: 1,
};
const bodyOf = (values: object, domain: Parameters<typeof triedBody>[0] = shipments) =>
  JSON.parse(triedBody(domain, undefined).fill({ ...STATE, ...values }));

describe('the body of another domain that check-target sends', () => {
  it('carries the columns of the domain, with values of their types', () => {
    expect(bodyOf({ delivery_id: 'msg_1' })).toEqual({
      shipment_id: 'check-1',
      place: 'test 1',
      scans: 1,
      delivered: true,
      version: 1,
    });
  });

  it('differs where the states differ, and keeps what a state has besides', () => {
    const declined = { payment_status: 'AUTHORIZATION_REVIEW_DECLINED', ready_to_send: false };
    expect(bodyOf(declined)).toMatchObject({ scans: 3, delivered: false });
    expect(bodyOf({ note: '' })).toMatchObject({ note: '', scans: 1 });
  });

  it('carries exact decimals, moments and JSON', () => {
    const columns = [
      { name: 'total', type: 'decimal', precision: 6, scale: 2 },
      { name: 'rest', type: 'decimal', precision: 2, scale: 2 },
      { name: 'at', type: 'timestamp' },
      { name: 'more', type: 'json' },
      { name: 'code', type: 'text', maxLength: 2 },
    ] as const;
    expect(bodyOf({}, { noun: 'bill', view: { keyColumn: 'id', columns } })).toEqual({
      id: 'check-1',
      total: '1.00',
      rest: null,
      at: '2026-01-02T00:00:00.000000Z',
      more: { test: 1 },
      code: 'te',
      version: 1,
    });
  });

  it('goes through the template of the settings', () => {
    const names = ['shipment_id', 'scans', 'version', 'delivery_id'];
    const template = parseBodyTemplate(
      '{"id": "{shipment_id}", "n": "{scans}", "d": "{delivery_id}"}',
      names,
    );
    expect(triedBody(shipments, template).fill({ ...STATE, delivery_id: 'msg_1' })).toBe(
      '{"id":"check-1","n":1,"d":"msg_1"}',
    );
  });
});

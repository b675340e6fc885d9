import { defineDomain } from '../../src/public/index.ts';

const PLACE = { properties: { place: { type: 'string', maxLength: 80 } }, required: ['place'] } as const;
const ON_ITS_WAY = { column: null, because: 'it is on its way', missing: 'its delivery has not arrived' };

/** Shipments, whose life has stages: a scan that is stamped after the delivery still comes before it. */
export const shipments = defineDomain({
  name: 'shipments',
  noun: 'shipment',
  topic: 'shipment_events',
  entityIdField: 'shipmentId',
  occurredAtField: 'at',
  events: {
    PACKED: { schema: PLACE },
    SCANNED: { schema: PLACE, stage: 2 },
    DELIVERED: { schema: PLACE, stage: 3 },
  },
  initialState: { place: null as string | null, scans: 0, isDelivered: false },
  evolve: {
    PACKED: (shipment, { place }) => ({ ...shipment, place }),
    SCANNED: (shipment, { place }) => ({ ...shipment, place, scans: shipment.scans + 1 }),
    DELIVERED: (shipment, { place }) => ({ ...shipment, place, isDelivered: true }),
  },
  view: {
    table: 'shipments',
    keyColumn: 'shipment_id',
    columns: [
      { name: 'place', type: 'text', maxLength: 80 },
      { name: 'scans', type: 'integer' },
      { name: 'delivered', type: 'boolean' },
    ],
    row: ({ place, scans, isDelivered }) => [place, scans, isDelivered],
    isReady: ({ isDelivered }) => isDelivered,
    readyColumn: 'delivered',
    whyNotReady: ([, , isDelivered]) =>
      isDelivered === true ? null : { ...ON_ITS_WAY, waitsFor: 'delivery' },
  },
});

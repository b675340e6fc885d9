/** Events in the form of the original's, as keys and values of records. */
export function createdEvent(orderId: string): { key: Buffer; value: Buffer } {
  return eventOf(orderId, { eventType: 'ORDER', orderStatus: 'CREATED' }, '2025-01-01T00:00:00.000Z');
}

export function authorisedEvent(orderId: string): { key: Buffer; value: Buffer } {
  return eventOf(
    orderId,
    { eventType: 'PAYMENT', paymentStatus: 'PAYMENT_AUTHORIZED' },
    '2025-01-01T00:00:01.000Z',
  );
}

function eventOf(orderId: string, fields: object, timestamp: string): { key: Buffer; value: Buffer } {
  return {
    key: Buffer.from(orderId),
    value: Buffer.from(JSON.stringify({ ...fields, orderId, timestamp })),
  };
}

import { isUtf8 } from 'node:buffer';
import { ORDER_ID_BYTES_MAX } from '../order-state.ts';

/** The order id as the cursor of a page: base64url of its UTF-8. To clients it is opaque. */
export function cursorOf(orderId: string): string {
  return Buffer.from(orderId, 'utf8').toString('base64url');
}

/** The order id of a cursor, or null for a text that `cursorOf` never made. */
export function placeOf(cursor: string): string | null {
  const bytes = Buffer.from(cursor, 'base64url');
  const isOurs =
    bytes.length > 0 &&
    bytes.length <= ORDER_ID_BYTES_MAX &&
    isUtf8(bytes) &&
    bytes.toString('base64url') === cursor;
  return isOurs ? bytes.toString('utf8') : null;
}

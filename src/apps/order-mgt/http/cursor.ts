import { isUtf8 } from 'node:buffer';
import { HttpProblem } from '../../shared/http/problem.ts';
import { ORDER_ID_BYTES_MAX } from '../order-state.ts';

/** Where a list goes on after this id: base64url of its UTF-8. To clients it is opaque. */
export function cursorOf(orderId: string): string {
  return Buffer.from(orderId, 'utf8').toString('base64url');
}

/** The id of a cursor; throws `after_invalid` for what `cursorOf` never made. */
export function orderIdOf(cursor: string): string {
  const bytes = Buffer.from(cursor, 'base64url');
  const isOurs =
    bytes.length > 0 &&
    bytes.length <= ORDER_ID_BYTES_MAX &&
    isUtf8(bytes) &&
    bytes.toString('base64url') === cursor;
  if (isOurs) return bytes.toString('utf8');
  throw new HttpProblem(
    400,
    'after_invalid',
    'after is the next of a page that was answered here, unchanged.',
  );
}

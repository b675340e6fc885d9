import type { IncomingMessage, ServerResponse } from 'node:http';
import { isSigned } from '../../examples/receiver/signature.ts';
import { type FaultyReceiver, Receiver, SECRET } from './receiver.ts';

/** Targets with one fault in signatures. */
export const WRONG_WITH_SIGNATURES: readonly FaultyReceiver[] = [
  [
    'accepts any signature',
    () =>
      new (class extends Receiver {
        override isTrusted({ headers }: IncomingMessage) {
          const ageSeconds = Math.abs(Date.now() / 1_000 - Number(headers['webhook-timestamp']));
          return headers['webhook-signature'] !== undefined && ageSeconds < 300;
        }
      })(),
    ['signature_wrong_accepted'],
  ],
  [
    'verifies only requests that have a signature',
    () =>
      new (class extends Receiver {
        override isTrusted(request: IncomingMessage, body: Buffer) {
          return request.headers['webhook-signature'] === undefined || super.isTrusted(request, body);
        }
      })(),
    ['signature_missing_accepted'],
  ],
  [
    'ignores the timestamp',
    () =>
      new (class extends Receiver {
        override isTrusted(request: IncomingMessage, body: Buffer) {
          const now = Date.now;
          Date.now = () => Number(request.headers['webhook-timestamp']) * 1_000;
          try {
            return super.isTrusted(request, body);
          } finally {
            Date.now = now;
          }
        }
      })(),
    ['timestamp_old_accepted', 'timestamp_future_accepted'],
  ],
  [
    'looks at the first signature only',
    () =>
      new (class extends Receiver {
        override isTrusted(request: IncomingMessage, body: Buffer) {
          const first = String(request.headers['webhook-signature']).split(' ')[0] ?? '';
          return isSigned(SECRET, { ...request.headers, 'webhook-signature': first }, body);
        }
      })(),
    ['signature_rotation_refused'],
  ],
  [
    'stores before it verifies',
    () =>
      new (class extends Receiver {
        override async onPost(request: IncomingMessage, response: ServerResponse, body: Buffer) {
          if (!this.isTrusted(request, body)) await this.store(JSON.parse(body.toString()));
          return super.onPost(request, response, body);
        }
      })(),
    ['refused_but_stored'],
  ],
  [
    'answers 500 to a wrong signature',
    () =>
      new (class extends Receiver {
        override async onPost(request: IncomingMessage, response: ServerResponse, body: Buffer) {
          if (this.isTrusted(request, body)) return super.onPost(request, response, body);
          response.writeHead(500).end();
        }
      })(),
    ['refusal_fails'],
  ],
  [
    'verifies a signature over another text than the received body',
    () =>
      new (class extends Receiver {
        override isTrusted(request: IncomingMessage, body: Buffer) {
          const other = body.toString().replace('"ready_to_send":true', '"ready_to_send":false');
          return super.isTrusted(request, body) || super.isTrusted(request, Buffer.from(other));
        }
      })(),
    ['body_changed_accepted'],
  ],
];

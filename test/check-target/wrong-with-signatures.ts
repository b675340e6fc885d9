import type { IncomingMessage, ServerResponse } from 'node:http';
import { isSigned } from '../../examples/receiver/signature.ts';
import { type FaultyReceiver, Receiver, SECRET } from './receiver.ts';

/** Targets that are wrong in one way about what they trust. */
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
    'verifies only what is signed',
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
    'stores first and verifies then',
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
    'answers 500 to what is not signed right',
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
    'verifies something else than the body as it came',
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

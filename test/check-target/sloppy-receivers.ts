import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Delivery, type FaultyReceiver, Receiver } from './receiver.ts';

/** Targets with one fault that breaks nothing. */
export const SLOPPY_RECEIVERS: readonly FaultyReceiver[] = [
  [
    'stands behind a proxy that decodes paths',
    () =>
      new (class extends Receiver {
        override onGet(request: IncomingMessage, response: ServerResponse) {
          request.url = request.url?.replaceAll('%2F', '/') ?? '';
          super.onGet(request, response);
        }
      })(),
    ['path_changed'],
  ],
  [
    'closes every connection',
    () =>
      new (class extends Receiver {
        override answer(response: ServerResponse, status: number, body: object) {
          super.answer(response.setHeader('connection', 'close'), status, body);
        }
      })(),
    ['connections_not_kept'],
  ],
  [
    'keeps connections for a second',
    () =>
      new (class extends Receiver {
        override answer(response: ServerResponse, status: number, body: object) {
          super.answer(response.setHeader('keep-alive', 'timeout=1'), status, body);
        }
      })(),
    ['keep_alive_short'],
  ],
  [
    'answers 409 to another payload',
    () =>
      new (class extends Receiver {
        override onOtherPayload() {
          return { status: 409 };
        }
      })(),
    ['payload_change_not_422'],
  ],
  [
    'answers with more than order-sync reads',
    () =>
      new (class extends Receiver {
        override answer(response: ServerResponse, status: number, body: object) {
          super.answer(response, status, { ...body, padding: 'x'.repeat(70_000) });
        }
      })(),
    ['answer_too_large'],
  ],
  [
    'answers 400 to a wrong signature',
    () =>
      new (class extends Receiver {
        override async onPost(request: IncomingMessage, response: ServerResponse, body: Buffer) {
          if (this.isTrusted(request, body)) return super.onPost(request, response, body);
          response.writeHead(400).end();
        }
      })(),
    ['refusal_not_401'],
  ],
  [
    'takes Idempotency-Key only in quotes',
    () =>
      new (class extends Receiver {
        override async onPost(request: IncomingMessage, response: ServerResponse, body: Buffer) {
          const isQuoted = String(request.headers['idempotency-key']).startsWith('"');
          if (isQuoted) return super.onPost(request, response, body);
          response.writeHead(400).end();
        }
      })(),
    ['idempotency_key_bare_refused'],
  ],
  [
    'takes Idempotency-Key in quotes for another one',
    () =>
      new (class extends Receiver {
        override announcement = null;
        #key = '';
        override async onPost(request: IncomingMessage, response: ServerResponse, body: Buffer) {
          this.#key = String(request.headers['idempotency-key']);
          return super.onPost(request, response, body);
        }
        override receive({ state }: Delivery) {
          return super.receive({ id: this.#key, state });
        }
      })(),
    ['idempotency_key_form_counts'],
  ],
  [
    'answers slowly',
    () =>
      new (class extends Receiver {
        #isFirst = true;
        override async onPost(request: IncomingMessage, response: ServerResponse, body: Buffer) {
          if (this.#isFirst) await sleep(600);
          this.#isFirst = false;
          return super.onPost(request, response, body);
        }
      })(),
    ['answer_slow'],
  ],
  [
    'has a wrong clock',
    () =>
      new (class extends Receiver {
        override answer(response: ServerResponse, status: number, body: object) {
          response.setHeader('date', new Date(Date.now() + 120_000).toUTCString());
          super.answer(response, status, body);
        }
      })(),
    ['clock_differs'],
  ],
  [
    'answers with a page for people',
    () =>
      new (class extends Receiver {
        override announcement = null;
        override onGet(_request: IncomingMessage, response: ServerResponse) {
          response.writeHead(404).end();
        }
        override answer(response: ServerResponse, status: number) {
          response.writeHead(status, { 'content-type': 'text/html' }).end('<html>thanks</html>');
        }
      })(),
    ['success_is_page'],
  ],
];

import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Delivery, type FaultyReceiver, isJson, Receiver, type State } from './receiver.ts';

/** Targets with one fault in single states. */
export const WRONG_WITH_STATES: readonly FaultyReceiver[] = [
  [
    'applies duplicates twice',
    () =>
      new (class extends Receiver {
        override async onDuplicate(state: State) {
          const key = this.keyOf(state.order_id);
          this.effects.set(key, (this.effects.get(key) ?? 0) + 1);
          return this.receipt(state, { ignored: false, duplicate: true });
        }
        override shown(state: State) {
          return { ...super.shown(state), effects: this.effects.get(this.keyOf(state.order_id)) };
        }
        // The count of effects is no part of the row.
        override digest(rows: readonly State[]) {
          return new Receiver().digest(rows);
        }
      })(),
    ['duplicate_applied_twice'],
  ],
  [
    'writes a duplicate over what is newer',
    () =>
      new (class extends Receiver {
        override async onDuplicate(state: State) {
          this.orders.set(this.keyOf(state.order_id), state);
          return this.receipt(state, { ignored: false, duplicate: true });
        }
      })(),
    ['duplicate_undid_newer'],
  ],
  [
    'keeps no payload with the id',
    () =>
      new (class extends Receiver {
        override onOtherPayload() {
          return { status: 200, duplicate: true };
        }
      })(),
    ['payload_change_accepted'],
  ],
  [
    'lets older versions win',
    () =>
      new (class extends Receiver {
        override applies() {
          return true;
        }
      })(),
    ['older_version_won'],
  ],
  [
    'lets equal versions win',
    () =>
      new (class extends Receiver {
        override applies(held: State | undefined, state: State) {
          return held === undefined || state.version >= held.version;
        }
      })(),
    ['equal_version_won'],
  ],
  [
    'compares versions before the write, outside of its transaction',
    () =>
      new (class extends Receiver {
        override async store(state: State) {
          const key = this.keyOf(state.order_id);
          const isApplied = this.applies(this.orders.get(key), state);
          await sleep(10);
          if (isApplied) this.orders.set(key, state);
          return isApplied;
        }
        override async onDuplicate(state: State) {
          await sleep(20);
          return super.onDuplicate(state);
        }
      })(),
    ['versions_at_once_lower_won'],
  ],
  [
    'answers before it stores',
    () =>
      new (class extends Receiver {
        override async store(state: State) {
          setTimeout(() => void super.store(state), 400);
          return true;
        }
      })(),
    ['stored_after_answer'],
  ],
  [
    'answers 2xx and stores nothing',
    () =>
      new (class extends Receiver {
        override async store() {
          return true;
        }
      })(),
    ['not_stored'],
  ],
  [
    'answers 500 to duplicates',
    () =>
      new (class extends Receiver {
        override async onDuplicate() {
          return { status: 500 };
        }
      })(),
    ['duplicate_fails'],
  ],
  [
    'answers 503 to duplicates',
    () =>
      new (class extends Receiver {
        override async onDuplicate() {
          return { status: 503 };
        }
        override answer(response: ServerResponse, status: number, body: object) {
          super.answer(response.setHeader('retry-after', '0'), status, body);
        }
      })(),
    ['throttled'],
  ],
  [
    'answers 409 to every duplicate',
    () =>
      new (class extends Receiver {
        override async onDuplicate() {
          return { status: 409 };
        }
      })(),
    ['duplicate_refused'],
  ],
  [
    'redirects',
    () =>
      new (class extends Receiver {
        override async onPost(_request: IncomingMessage, response: ServerResponse) {
          response.writeHead(308, { location: '/elsewhere' }).end();
        }
      })(),
    ['redirects'],
  ],
  [
    'folds the case of ids',
    () =>
      new (class extends Receiver {
        override keyOf(orderId: string) {
          return orderId.toLowerCase();
        }
      })(),
    ['ids_confused'],
  ],
  [
    'trims ids',
    () =>
      new (class extends Receiver {
        override keyOf(orderId: string) {
          return orderId.trim();
        }
      })(),
    ['ids_confused'],
  ],
  [
    'normalises ids',
    () =>
      new (class extends Receiver {
        override keyOf(orderId: string) {
          return orderId.normalize('NFC');
        }
      })(),
    ['ids_confused'],
  ],
  [
    'cuts ids to 191 characters',
    () =>
      new (class extends Receiver {
        override async store(state: State) {
          return super.store({ ...state, order_id: state.order_id.slice(0, 191) });
        }
      })(),
    ['id_changed'],
  ],
  [
    'refuses unknown fields',
    () =>
      new (class extends Receiver {
        override async receive(delivery: Delivery) {
          return 'note' in (delivery.state ?? {}) ? { status: 400 } : super.receive(delivery);
        }
      })(),
    ['extra_fields_refused'],
  ],
  [
    'answers 500 to garbage',
    () =>
      new (class extends Receiver {
        override async onPost(request: IncomingMessage, response: ServerResponse, body: Buffer) {
          if (!this.isTrusted(request, body) || isJson(body)) return super.onPost(request, response, body);
          response.writeHead(500).end();
        }
      })(),
    ['garbage_fails'],
  ],
  [
    'decodes leniently',
    () =>
      new (class extends Receiver {
        override parse(body: Buffer) {
          return JSON.parse(body.toString());
        }
      })(),
    ['garbage_accepted'],
  ],
  [
    'never answers',
    () =>
      new (class extends Receiver {
        override async onPost() {}
      })(),
    ['no_answer_in_time'],
  ],
  [
    'closes the connection at garbage',
    () =>
      new (class extends Receiver {
        override async onPost(request: IncomingMessage, response: ServerResponse, body: Buffer) {
          if (isJson(body)) return super.onPost(request, response, body);
          request.socket.destroy();
        }
      })(),
    ['connection_broken'],
  ],
  [
    'takes no state at all',
    () =>
      new (class extends Receiver {
        override async receive() {
          return { status: 500 };
        }
      })(),
    ['state_refused'],
  ],
  [
    'says in the body of its 200 that the state failed',
    () =>
      new (class extends Receiver {
        override answer(response: ServerResponse, _status: number, _body: object) {
          super.answer(response, 200, { success: false, error: 'invalid order' });
        }
      })(),
    ['success_says_failure'],
  ],
  [
    'answers the delivery id of the first delivery each time',
    () =>
      new (class extends Receiver {
        #first: string | null = null;
        override async receive(delivery: Delivery) {
          this.#first ??= delivery.id;
          return { ...(await super.receive(delivery)), delivery_id: this.#first };
        }
      })(),
    ['delivery_id_wrong'],
  ],
  [
    'keeps no review status',
    () =>
      new (class extends Receiver {
        override shown(state: State) {
          return super.shown({ ...state, order_status: null });
        }
      })(),
    ['state_differs'],
  ],
  [
    'looks the id up before it inserts it, outside of its transaction',
    () =>
      new (class extends Receiver {
        readonly #underWay = new Set<string>();
        override async receive(delivery: Delivery) {
          if (this.#underWay.has(delivery.id)) return { status: 500 };
          this.#underWay.add(delivery.id);
          await sleep(10);
          this.#underWay.delete(delivery.id);
          return super.receive(delivery);
        }
      })(),
    ['duplicates_at_once_fail'],
  ],
  [
    'answers 500 to another payload',
    () =>
      new (class extends Receiver {
        override onOtherPayload() {
          return { status: 500 };
        }
      })(),
    ['payload_change_fails'],
  ],
  [
    'refuses older versions',
    () =>
      new (class extends Receiver {
        override receipt(state: State, said: { ignored: boolean; duplicate: boolean }) {
          const held = this.orders.get(state.order_id)?.version ?? 0;
          return held > state.version && !said.duplicate ? { status: 409 } : super.receipt(state, said);
        }
      })(),
    ['older_version_refused'],
  ],
  [
    'refuses equal versions',
    () =>
      new (class extends Receiver {
        override receipt(state: State, said: { ignored: boolean; duplicate: boolean }) {
          const held = this.orders.get(state.order_id)?.version ?? 0;
          const isRefused = held === state.version && said.ignored;
          return isRefused ? { status: 400 } : super.receipt(state, said);
        }
      })(),
    ['equal_version_refused'],
  ],
  [
    'refuses a second request for an order in progress',
    () =>
      new (class extends Receiver {
        readonly #locked = new Set<string>();
        override async store(state: State) {
          if (this.#locked.has(state.order_id)) throw new Error('deadlock');
          this.#locked.add(state.order_id);
          await sleep(10);
          this.#locked.delete(state.order_id);
          return super.store(state);
        }
        override async onDuplicate(state: State) {
          await sleep(20);
          return super.onDuplicate(state);
        }
      })(),
    ['versions_at_once_refused'],
  ],
  [
    'takes only ids of letters',
    () =>
      new (class extends Receiver {
        override async receive(delivery: Delivery) {
          const isPlain = /^[\w-]*$/.test(String(delivery.state?.order_id ?? '').trim());
          return isPlain ? super.receive(delivery) : { status: 400 };
        }
      })(),
    ['id_refused'],
  ],
];

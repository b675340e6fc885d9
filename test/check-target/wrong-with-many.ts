import type { IncomingMessage } from 'node:http';
import { type Delivery, type FaultyReceiver, Receiver, type Result, type State } from './receiver.ts';

/** Targets with one fault in delivery batches, the list or the digest. */
export const WRONG_WITH_MANY: readonly FaultyReceiver[] = [
  [
    'announces batches outside its prefix',
    () =>
      new (class extends Receiver {
        override announcement = '500;path="/other/batch"';
        override async onPost(...given: Parameters<Receiver['onPost']>) {
          const [{ url }, response] = given;
          if (url !== '/other/batch') return super.onPost(...given);
          response.writeHead(404).end();
        }
      })(),
    ['batch_outside_prefix'],
  ],
  [
    'announces delivery batches and answers 404 to them',
    () =>
      new (class extends Receiver {
        override async receiveBatch() {
          return { status: 404, results: [] };
        }
      })(),
    ['batch_refused'],
  ],
  [
    'announces delivery batches on another host',
    () => Object.assign(new Receiver(), { announcement: '500;path="//elsewhere/batch"' }),
    ['batch_announcement_invalid'],
  ],
  [
    'answers the results of a delivery batch out of sequence',
    () =>
      new (class extends Receiver {
        override async receiveBatch(deliveries: readonly Delivery[]) {
          const { results } = await super.receiveBatch(deliveries);
          return { status: 200, results: results.reverse() };
        }
      })(),
    ['batch_results_out_of_sequence'],
  ],
  [
    'lets one bad member fail its delivery batch',
    () =>
      new (class extends Receiver {
        override async receiveBatch(deliveries: readonly Delivery[]) {
          const { results } = await super.receiveBatch(deliveries);
          const isGood = results.every((result) => (result as Result).status === 200);
          return { status: isGood ? 200 : 422, results };
        }
      })(),
    ['batch_member_spoils'],
  ],
  [
    'leaves out the results of duplicates',
    () =>
      new (class extends Receiver {
        override async receiveBatch(deliveries: readonly Delivery[]) {
          const { results } = await super.receiveBatch(deliveries);
          return { status: 200, results: results.filter((result) => (result as Result).duplicate !== true) };
        }
      })(),
    ['batch_results_missing'],
  ],
  [
    'verifies single states only',
    () =>
      new (class extends Receiver {
        override isTrusted(request: IncomingMessage, body: Buffer) {
          return request.url === '/api/orders/batch' || super.isTrusted(request, body);
        }
      })(),
    ['batch_signature_wrong_accepted'],
  ],
  [
    'lists in the sequence of UTF-16',
    () =>
      new (class extends Receiver {
        override rows() {
          return [...this.orders.values()].sort((a, b) =>
            a.order_id.toLowerCase() < b.order_id.toLowerCase() ? -1 : 1,
          );
        }
      })(),
    ['list_sequence_wrong'],
  ],
  [
    'lists every order twice',
    () =>
      new (class extends Receiver {
        override rows() {
          return super.rows().flatMap((row) => [row, row]);
        }
      })(),
    ['list_sequence_wrong'],
  ],
  [
    'leaves orders that are not ready out of the list',
    () =>
      new (class extends Receiver {
        override rows() {
          return super.rows().filter((row) => row.version !== 1);
        }
      })(),
    ['list_incomplete'],
  ],
  [
    'computes the digest without the version',
    () =>
      new (class extends Receiver {
        override digest(rows: readonly State[]) {
          return super.digest(rows.map((row) => ({ ...row, version: 0 })));
        }
      })(),
    ['digest_wrong'],
  ],
  [
    'gives every member of a delivery batch the same status',
    () =>
      new (class extends Receiver {
        override async receiveBatch(deliveries: readonly Delivery[]) {
          const { results } = await super.receiveBatch(deliveries);
          return { status: 200, results: results.map((result) => ({ ...result, status: 200 })) };
        }
      })(),
    ['batch_verdict_wrong'],
  ],
  [
    'answers 500 for the bad member of a delivery batch',
    () =>
      new (class extends Receiver {
        override async receiveBatch(deliveries: readonly Delivery[]) {
          const { results } = await super.receiveBatch(deliveries);
          const broken = (result: Result) => (result.status === 200 ? result : { ...result, status: 500 });
          return { status: 200, results: results.map((result) => broken(result as Result)) };
        }
      })(),
    ['batch_verdict_wrong'],
  ],
  [
    'stores only the first member of a delivery batch',
    () =>
      new (class extends Receiver {
        override async receiveBatch(deliveries: readonly Delivery[]) {
          await super.receiveBatch(deliveries.slice(0, 1));
          return { status: 200, results: deliveries.map(({ id }) => ({ id, status: 200 })) };
        }
      })(),
    ['batch_not_stored'],
  ],
  [
    'ignores the limit of a page',
    () =>
      new (class extends Receiver {
        override page(after: string) {
          return super.page(after, 1_000);
        }
      })(),
    ['list_paging_wrong'],
  ],
  [
    'lists another state than GET shows',
    () =>
      new (class extends Receiver {
        override page(after: string, limit: number) {
          const { rows, hasMore } = super.page(after, limit);
          return { rows: rows.map((row) => ({ ...row, version: row.version + 1 })), hasMore };
        }
      })(),
    ['list_rows_differ'],
  ],
];

import { openHttpTarget } from '../../../src/adapters/http-delivery/index.ts';
import { describeDeliveryTarget, type TargetBehaviour } from '../../contract/delivery-target.ts';
import { answers, type Script, startScriptedServer, unusedUrl } from './scripted-server.ts';

const SCRIPTS: Readonly<Record<Exclude<TargetBehaviour, 'is_not_there'>, Script>> = {
  accepts: answers(200, { 'content-type': 'application/json' }, '{}'),
  fails: answers(500),
  throttles_for_7_seconds: answers(429, { 'retry-after': '7' }),
  refuses: answers(422, {}, 'refused: not an order'),
  does_not_know_the_sender: answers(401),
  has_no_such_place: answers(404),
  wants_no_more: answers(410),
  redirects: answers(307, { location: '/api/orders' }),
  hangs: () => {},
  drips: (response) => {
    response.writeHead(200, { 'content-length': '1000000' });
    const timer = setInterval(() => response.write('.'), 5);
    response.on('close', () => clearInterval(timer));
  },
  accepts_with_an_endless_answer: (response) => {
    response.writeHead(200);
    const pour = () => {
      while (!response.destroyed && response.write('x'.repeat(16_384)));
    };
    response.on('drain', pour);
    pour();
  },
  closes_after_reading: (_response, request) => {
    request.socket.destroy();
  },
};

describeDeliveryTarget('HTTP', {
  cannot: {},
  async open(behaviour, { deadlineMs }) {
    const server = behaviour === 'is_not_there' ? null : await startScriptedServer(SCRIPTS[behaviour]);
    const target = openHttpTarget({
      name: 'contract',
      url: server?.url ?? (await unusedUrl()),
      secrets: [],
      clock: { now: Date.now, monotonicMs: () => performance.now() },
      logger: () => {},
      deadlineMs,
    });
    return {
      target,
      received: () =>
        (server?.received ?? []).map(({ headers, body }) => ({
          deliveryId: String(headers['webhook-id']),
          body: JSON.parse(body),
        })),
      arrival: async () => server?.arrival(),
      async cleanup() {
        await server?.close();
        await target.close();
      },
    };
  },
});

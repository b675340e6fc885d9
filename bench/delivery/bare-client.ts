/**
 * Measures the HTTP client alone. It posts the same state again and again on 64 connections, with the headers of a
 * delivery, and prints the posts per second and the CPU seconds per million posts. It uses `request`, undici's usual
 * interface, or `dispatch`, the lowest one, which order-sync uses.
 *
 *     bare-client.ts PORT request|dispatch SECONDS
 */
import { Pool } from 'undici';

const CONNECTIONS = 64;
const [port = '', way = 'dispatch', seconds = '3'] = process.argv.slice(2);
const pool = new Pool(`http://127.0.0.1:${port}`, { connections: CONNECTIONS, pipelining: 1 });
const body = JSON.stringify({
  order_id: 'order-00000000',
  order_status: 'CREATED',
  payment_status: 'PAYMENT_AUTHORIZED',
  review_status: null,
  ready_to_send: true,
  version: 2,
});
const headers = [
  'content-type',
  'application/json',
  'idempotency-key',
  '"dlv_0123456789abcdef0123456789abcdef"',
  'webhook-id',
  'dlv_0123456789abcdef0123456789abcdef',
  'webhook-timestamp',
  '1767225600',
  'traceparent',
  '00-0123456789abcdef0123456789abcdef-0123456789abcdef-00',
];
let posts = 0;
let isOver = false;

/** Posts on one connection: sends the next request when the last one is answered. */
async function request(): Promise<void> {
  while (!isOver) {
    const { body: answer } = await pool.request({ method: 'POST', path: '/api/orders', headers, body });
    await answer.text();
    posts++;
  }
}

/** Does the same through `dispatch`. */
function dispatch(): void {
  if (isOver) return;
  pool.dispatch(
    { method: 'POST', path: '/api/orders', headers, body },
    {
      onRequestStart() {},
      onResponseStart() {},
      onResponseData() {},
      onResponseEnd() {
        posts++;
        dispatch();
      },
      onResponseError(_controller, error) {
        throw error;
      },
    },
  );
}

for (let connection = 0; connection < CONNECTIONS; connection++) {
  if (way === 'dispatch') dispatch();
  else void request();
}
// The first second is not measured: the JavaScript engine still compiles.
await sleep(1_000);
const from = { posts, ms: performance.now(), cpu: process.cpuUsage() };
await sleep(Number(seconds) * 1_000);
const durationMs = performance.now() - from.ms;
const cpu = process.cpuUsage(from.cpu);
const posted = posts - from.posts;
isOver = true;
process.stdout.write(
  `${JSON.stringify({
    posts_per_second: Math.round(posted / (durationMs / 1_000)),
    cpu_seconds_per_million: Math.round((cpu.user + cpu.system) / posted),
  })}\n`,
);
process.exit(0);

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

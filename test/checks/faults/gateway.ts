/** An HTTP gateway before order-mgt. It answers a request itself if its rule says so, else hands the request on. */
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RunningCheck } from '../lib/command.ts';

/** A request with one state or several, as the gateway shows it to its rule. */
export interface GatewayRequest {
  readonly orderIds: readonly string[];
  readonly isBatch: boolean;
}

export interface GatewayAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Returns the gateway's own answer, or undefined to hand the request on. */
export type GatewayRule = (request: GatewayRequest) => GatewayAnswer | undefined;

export interface Gateway {
  readonly url: string;
  /** The number of requests that a rule answered, and of those that were handed on. */
  readonly counts: { refused: number; handedOn: number };
  /** The last moment at which order-mgt answered a state of each order with 2xx, by `performance.now()`. */
  readonly storedAtMs: ReadonlyMap<string, number>;
  /** The number of states in the largest request. */
  readonly largestBatch: number;
  /** Sets the rule. `null` hands every request on. */
  setRule(rule: GatewayRule | null): void;
}

export async function startGateway(check: RunningCheck, upstreamPort: () => number): Promise<Gateway> {
  const agent = new Agent({ keepAlive: true });
  const counts = { refused: 0, handedOn: 0 };
  const storedAtMs = new Map<string, number>();
  let largestBatch = 0;
  let rule: GatewayRule | null = null;

  const answer = (request: IncomingMessage, response: ServerResponse, body: Buffer) => {
    const seen = requestOf(body);
    largestBatch = Math.max(largestBatch, seen.orderIds.length);
    const verdict = request.method === 'POST' ? rule?.(seen) : undefined;
    if (verdict !== undefined) {
      counts.refused++;
      response.writeHead(verdict.status, { 'content-type': 'text/plain', ...verdict.headers });
      response.end('the gateway refuses');
      return;
    }
    counts.handedOn++;
    const { method, url: path, headers } = request;
    const upstream = httpRequest({ agent, host: '127.0.0.1', port: upstreamPort(), method, path, headers });
    upstream.on('response', (answered) => {
      const status = answered.statusCode ?? 502;
      if (status < 300) for (const orderId of seen.orderIds) storedAtMs.set(orderId, performance.now());
      response.writeHead(status, answered.headers);
      answered.pipe(response);
    });
    upstream.on('error', () => {
      if (!response.headersSent) response.writeHead(502);
      response.end();
    });
    upstream.end(body);
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('error', () => {});
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => answer(request, response, Buffer.concat(chunks)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  check.defer(() => {
    agent.destroy();
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/orders`,
    counts,
    storedAtMs,
    get largestBatch() {
      return largestBatch;
    },
    setRule(next) {
      rule = next;
    },
  };
}

interface State {
  readonly order_id: string;
}

function requestOf(body: Buffer): GatewayRequest {
  if (body.length === 0) return { orderIds: [], isBatch: false };
  const parsed = JSON.parse(body.toString('utf8')) as State & { deliveries?: { state: State }[] };
  if (parsed.deliveries === undefined) return { orderIds: [parsed.order_id], isBatch: false };
  return { orderIds: parsed.deliveries.map(({ state }) => state.order_id), isBatch: true };
}

import { createServer, type Server, type Socket } from 'node:net';
import { answer } from './answers.ts';
import type { ScriptedCluster } from './cluster.ts';
import { Input, int16, int32, Output, oldNullableString } from './codec.ts';
import { type ApiName, apiNames, apis } from './messages.ts';
import { putCode } from './places.ts';
import type { Action, Call } from './script.ts';

/** What a broker sends back: bytes, bytes before it closes the connection, nothing ever, or a closed connection. */
type Reply =
  | { readonly kind: 'send' | 'send_and_close'; readonly bytes: Buffer }
  | { readonly kind: 'silence' | 'close' };

/**
 * One broker. It answers the requests of a connection one after the other, as Kafka does, and does to them what the
 * script says.
 */
export class Broker {
  readonly nodeId: number;
  readonly #cluster: ScriptedCluster;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;
  /** Requests that are none of the adapter's. A test that sees one has found a mistake of the adapter, or of the broker. */
  readonly unknownRequests: string[] = [];

  constructor(cluster: ScriptedCluster, nodeId: number) {
    this.#cluster = cluster;
    this.nodeId = nodeId;
  }

  get port(): number {
    return this.#port;
  }

  get isRunning(): boolean {
    return this.#server !== undefined;
  }

  /** Listens, after a stop on the same port as before. */
  async start(): Promise<void> {
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.#port = address.port;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.closeConnections();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  closeConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    const closed = new AbortController();
    let received = Buffer.alloc(0);
    let turn = Promise.resolve();
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => {
      closed.abort();
      this.#sockets.delete(socket);
    });
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes]);
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const end = 4 + received.readInt32BE(0);
        const message = received.subarray(4, end);
        received = received.subarray(end);
        turn = turn.then(() => this.#receive(socket, message, closed.signal));
      }
    });
  }

  async #receive(socket: Socket, message: Buffer, closed: AbortSignal): Promise<void> {
    if (closed.aborted) return;
    try {
      const reply = await this.#reply(new Input(message), closed);
      if (closed.aborted) return;
      if (reply.kind === 'send') socket.write(reply.bytes);
      else if (reply.kind === 'send_and_close') socket.end(reply.bytes);
      else if (reply.kind === 'close') socket.destroy();
      // Later requests on this connection wait behind the one that gets no answer.
      else await new Promise((resolve) => closed.addEventListener('abort', resolve, { once: true }));
    } catch (error) {
      this.unknownRequests.push(String(error));
      socket.destroy();
    }
  }

  async #reply(input: Input, closed: AbortSignal): Promise<Reply> {
    const key = int16.read(input);
    const version = int16.read(input);
    const correlationId = int32.read(input);
    const clientId = oldNullableString.read(input) ?? '';
    if (input.unsignedVarint() !== 0) throw new Error('a request with tagged fields in its head');
    const api = apiNames.find((name) => apis[name].key === key && apis[name].version === version);
    if (api === undefined) throw new Error(`the API ${key} in version ${version}`);
    const request = apis[api].request.read(input);
    if (!input.isAtEnd) throw new Error(`a ${api} request with more bytes than it should have`);
    const call = this.#cluster.script.meet(api, this.nodeId, clientId, request);
    const response = await this.#respond(call, closed);
    if (response === undefined) return { kind: call.rules.some(isA('silence')) ? 'silence' : 'close' };
    if (call.rules.some(isA('silence'))) return { kind: 'silence' };
    if (call.rules.some(isA('close'))) return { kind: 'close' };
    return encode(call, correlationId, response);
  }

  /** Does what the request asks for, unless a rule keeps it from that. Undefined if there is to be no answer. */
  async #respond(call: Call, closed: AbortSignal): Promise<unknown> {
    const { clock } = this.#cluster;
    const actions = call.rules.map(({ does }) => does);
    for (const action of actions) {
      if (action.kind === 'first') action.run(call.request as never);
      if (action.kind === 'hold' && action.effect !== 'done') await action.until;
    }
    const isUndone = actions.some(
      (action) => (action.kind === 'silence' || action.kind === 'close') && action.effect !== 'done',
    );
    if (isUndone) return undefined;
    const response = await answer(this.#cluster, this.nodeId, call, closed);
    for (const { does, on } of call.rules) {
      const name = (topicId: string): string => this.#cluster.topicById(topicId)?.name ?? '';
      if (does.kind === 'error') putCode(call.api, response, { ...does, on }, name);
      if (does.kind === 'throttle') Object.assign(response as object, { throttleTimeMs: does.ms });
      if (does.kind === 'change') does.change(response as never, call.request as never);
      if (does.kind === 'delay') await clock.sleep(does.ms, closed);
      if (does.kind === 'hold' && does.effect === 'done') await does.until;
    }
    return response;
  }
}

function isA(kind: Action<ApiName>['kind']): (rule: Call['rules'][number]) => boolean {
  return ({ does }) => does.kind === kind;
}

function encode({ api, rules }: Call, correlationId: number, response: unknown): Reply {
  const body = new Output();
  apis[api].response.write(body, response as never);
  let message = body.joined();
  if (rules.some(isA('short'))) message = message.subarray(0, Math.floor(message.length / 2));
  const head = new Output();
  int32.write(head, 4 + 1 + message.length);
  int32.write(head, correlationId);
  head.unsignedVarint(0);
  const bytes = Buffer.concat([head.joined(), message]);
  if (!rules.some(isA('cut'))) return { kind: 'send', bytes };
  return { kind: 'send_and_close', bytes: bytes.subarray(0, Math.floor(bytes.length / 2)) };
}

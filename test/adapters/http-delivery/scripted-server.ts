import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What the server does once it has read a request; `number` counts requests from 1. */
export type Script = (response: ServerResponse, request: IncomingMessage, number: number) => void;

/** A real HTTP server in this process that does what a test says, however bad. */
export interface ScriptedServer {
  readonly url: string;
  readonly received: ReceivedRequest[];
  /** Every connection that was ever made. */
  readonly connections: Socket[];
  arrival(): Promise<void>;
  close(): Promise<void>;
}

export async function startScriptedServer(
  script: Script,
  tls?: { readonly key: string; readonly cert: string },
): Promise<ScriptedServer> {
  const received: ReceivedRequest[] = [];
  const connections: Socket[] = [];
  const arrived = Promise.withResolvers<void>();

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      });
      arrived.resolve();
      script(response, request, received.length);
    });
  };
  const server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
  server.on('connection', (socket: Socket) => {
    connections.push(socket);
    // Some tests are about a client that cuts the connection.
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/api/orders`,
    received,
    connections,
    arrival: () => arrived.promise,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers with a status, headers and a short text. */
export function answers(status: number, headers: Record<string, string> = {}, body = ''): Script {
  return (response) => response.writeHead(status, headers).end(body);
}

/** The URL of a port on which nothing listens: it was free a moment ago. */
export async function unusedUrl(): Promise<string> {
  const server = await startScriptedServer(answers(200));
  await server.close();
  return server.url;
}

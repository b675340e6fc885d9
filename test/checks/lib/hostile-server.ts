/**
 * A target that misbehaves for some orders, as their ids say. `startHostileTarget` starts it in a process of its own. It
 * writes a line to its record before it answers a request, so the record is complete even if the process is killed.
 */
import { openSync, readFileSync, writeSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import {
  BAD_ATTEMPTS,
  HUGE_BYTES,
  RETRY_AFTER_SECONDS,
  STORM_MS,
  type TargetNote,
  treatmentOf,
} from './hostile-behaviour.ts';

const DRIP_MS = 1_000;
const CHUNK = Buffer.alloc(1_024 * 1_024, 'x');

const { record = '', keyFile, certFile } = JSON.parse(process.argv[2] ?? '{}') as Record<string, string>;
const recordFile = openSync(record, 'a');
const known = new Set<string>();
const badAttempts = new Map<string, number>();
const stormsUntilMs = new Map<string, number>();

const listener = (request: IncomingMessage, response: ServerResponse) => {
  const chunks: Buffer[] = [];
  // Clients that close the connection early are expected here.
  request.on('error', () => {});
  response.on('error', () => {});
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => answer(request, response, Buffer.concat(chunks).toString('utf8')));
};
const server =
  keyFile === undefined || certFile === undefined
    ? createServer(listener)
    : createTlsServer({ key: readFileSync(keyFile), cert: readFileSync(certFile) }, listener);
server.requestTimeout = 0;
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit(0));

interface State {
  readonly order_id: string;
  readonly version: number;
  readonly ready_to_send: boolean;
}

function answer(request: IncomingMessage, response: ServerResponse, body: string): void {
  const state = JSON.parse(body) as State;
  const deliveryId = String(request.headers['webhook-id']);
  const note = (what: TargetNote['what'], bytes?: number) => {
    const line: TargetNote = {
      atMs: Date.now(),
      what,
      deliveryId,
      orderId: state.order_id,
      version: state.version,
      isReady: state.ready_to_send,
      ...(bytes === undefined ? {} : { bytes }),
    };
    writeSync(recordFile, `${JSON.stringify(line)}\n`);
  };
  const store = () => {
    note(known.has(deliveryId) ? 'known' : 'stored');
    known.add(deliveryId);
  };
  const behaviour = badBehaviourNow(state.order_id);
  if (behaviour === undefined) {
    const duplicate = known.has(deliveryId);
    store();
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ duplicate }));
    return;
  }
  note('bad');
  switch (behaviour) {
    case 'hang':
      return;
    case 'drip':
      store();
      drip(response);
      return;
    case 'storm':
    case 'total_storm':
      response.writeHead(500).end('{"detail":"storm"}');
      return;
    case 'throttle':
      response.writeHead(429, { 'retry-after': String(RETRY_AFTER_SECONDS) }).end();
      return;
    case 'redirect':
      response.writeHead(302, { location: request.url ?? '/' }).end();
      return;
    case 'huge':
      store();
      pourOut(response, (bytes) => note('written', bytes));
      return;
    case 'close':
      request.socket.destroy();
      return;
    case 'lost_answer':
      store();
      request.socket.destroy();
      return;
  }
}

/** Returns the behaviour for this attempt; undefined if the target must accept it. */
function badBehaviourNow(orderId: string) {
  const found = treatmentOf(orderId);
  if (found === undefined) return undefined;
  const { behaviour, treatment } = found;
  // A storm ends after 5 s, whatever the number of attempts. A total storm hits orders with the treatment `good` too.
  if (behaviour === 'total_storm' || (behaviour === 'storm' && treatment !== 'good')) {
    const untilMs = stormsUntilMs.get(behaviour) ?? Date.now() + STORM_MS;
    stormsUntilMs.set(behaviour, untilMs);
    return Date.now() < untilMs ? behaviour : undefined;
  }
  if (treatment === 'good') return undefined;
  const attempts = (badAttempts.get(orderId) ?? 0) + 1;
  badAttempts.set(orderId, attempts);
  return treatment === 'always' || attempts <= BAD_ATTEMPTS ? behaviour : undefined;
}

function drip(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
  const timer = setInterval(() => response.write(' '), DRIP_MS);
  response.once('close', () => clearInterval(timer));
}

function pourOut(response: ServerResponse, over: (bytes: number) => void): void {
  let sent = 0;
  response.writeHead(200, { 'content-length': String(HUGE_BYTES) });
  const pour = () => {
    while (sent < HUGE_BYTES && !response.destroyed) {
      sent += CHUNK.length;
      if (!response.write(CHUNK)) {
        response.once('drain', pour);
        return;
      }
    }
    response.end();
  };
  response.once('close', () => over(sent));
  pour();
}

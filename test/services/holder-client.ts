// Talks to the process that holds services in the background; holder.ts describes the protocol. This file imports no
// client of a service, so that the command line starts fast.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServiceAddresses, ServiceName } from './addresses.ts';
import type { ServicesEnvironment } from './environment.ts';

export type HolderRequest =
  | { readonly command: 'start'; readonly names: readonly ServiceName[] }
  | { readonly command: 'status' }
  | { readonly command: 'stop' };

export interface HolderAnswer {
  readonly processId: number;
  readonly addresses: ServiceAddresses;
  /** The checkout that started the services. */
  readonly checkout?: string;
  /** The reason why the request failed. */
  readonly error?: string;
}

/** The longest path of a socket, in characters. Linux accepts 108 bytes and macOS 104. */
const longestSocketPath = 100;

export function socketPath(environment: ServicesEnvironment): string {
  return socketIn(checkoutFolder(environment));
}

/** The file with the addresses of the running services, for other programs. */
export function stateFile(environment: ServicesEnvironment): string {
  return join(checkoutFolder(environment), 'services.json');
}

/** The folder for the state of this checkout's services. All checkouts share the downloads, which are elsewhere. */
export function checkoutFolder({ cacheFolder, checkout }: ServicesEnvironment): string {
  return join(cacheFolder, 'checkouts', hashOf(checkout));
}

/** Lists the other checkouts of this user that have services running. */
export async function otherHolders(
  environment: ServicesEnvironment,
): Promise<{ readonly checkout: string; readonly answer: HolderAnswer }[]> {
  const own = checkoutFolder(environment);
  const folders = join(environment.cacheFolder, 'checkouts');
  const names = existsSync(folders) ? readdirSync(folders) : [];
  const others = names.map((name) => join(folders, name)).filter((folder) => folder !== own);
  const answers = await Promise.all(
    others.map(async (folder) => {
      const answer = await askAt(socketIn(folder), { command: 'status' }).catch(() => undefined);
      return answer === undefined ? [] : [{ checkout: answer.checkout ?? folder, answer }];
    }),
  );
  return answers.flat();
}

function socketIn(folder: string): string {
  const path = join(folder, 'services.sock');
  return path.length <= longestSocketPath ? path : join(tmpdir(), `tributary-${hashOf(folder)}.sock`);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Sends a request to the holder. Returns undefined if no holder runs, or if it ends without an answer. */
export async function askHolder(
  environment: ServicesEnvironment,
  request: HolderRequest,
): Promise<HolderAnswer | undefined> {
  return askAt(socketPath(environment), request);
}

async function askAt(path: string, request: HolderRequest): Promise<HolderAnswer | undefined> {
  const socket = connect(path);
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    const line = await firstLine(socket);
    return line === undefined ? undefined : (JSON.parse(line) as HolderAnswer);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ECONNRESET') return undefined;
    throw error;
  } finally {
    socket.destroy();
  }
}

/** Reads the first line from a socket; undefined if the socket closes before. */
export function firstLine(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(undefined));
  });
}

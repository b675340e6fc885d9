// A background process, the holder, keeps the services up after `npm run services -- up` has ended. On a local socket it
// answers each request, one line of JSON, with one line of JSON:
//
//   { "command": "start", "names": [...] }  starts the services that do not run yet, answers all that run
//   { "command": "status" }                 answers the services that run
//   { "command": "stop" }                   stops all services, answers the stopped ones, and ends the holder
//
// The socket is also the lock, because a second holder cannot listen on it. When the holder is killed, its services end,
// as with any process that starts services.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { MissingService, ServiceAddresses } from './addresses.ts';
import type { ServicesEnvironment } from './environment.ts';
import { messageOf } from './errors.ts';
import {
  askHolder,
  checkoutFolder,
  firstLine,
  type HolderAnswer,
  type HolderRequest,
  socketPath,
  stateFile,
} from './holder-client.ts';
import { prepare } from './prepare.ts';
import { type RunningServices, startServices } from './start.ts';

/** Turns this process into the holder. Resolves when it answers requests; rejects if another holder runs. */
export async function hold(environment: ServicesEnvironment): Promise<void> {
  const path = socketPath(environment);
  mkdirSync(checkoutFolder(environment), { recursive: true });
  if ((await askHolder(environment, { command: 'status' })) !== undefined) {
    throw new Error(`Another process already holds services: ${path}`);
  }
  rmSync(path, { force: true });
  const holder = new Holder(environment);
  await holder.listen(path);
}

class Holder {
  readonly #environment: ServicesEnvironment;
  readonly #server: Server;
  readonly #running: RunningServices[] = [];
  /** The end of the last request. Requests run one after the other, so two `up` commands start no service twice. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(environment: ServicesEnvironment) {
    this.#environment = environment;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  listen(path: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(path, resolve);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => this.#end());
    return promise;
  }

  async #serve(socket: Socket): Promise<void> {
    // A client may close its connection before the request or the answer is complete.
    socket.on('error', () => {});
    const line = await firstLine(socket).catch(() => undefined);
    if (line === undefined) return;
    this.#last = this.#last.then(async () => {
      const request = JSON.parse(line) as HolderRequest;
      const answer = await this.#answer(request);
      socket.end(`${JSON.stringify(answer)}\n`);
      if (request.command === 'stop' || (request.command === 'start' && this.#isEmpty(answer))) this.#close();
    });
  }

  async #answer(request: HolderRequest): Promise<HolderAnswer> {
    const before = this.#addresses();
    const { checkout } = this.#environment;
    if (request.command === 'status') return { processId: process.pid, checkout, addresses: before };
    if (request.command === 'stop') {
      await this.#stopServices();
      return { processId: process.pid, addresses: before };
    }
    try {
      const names = request.names.filter((name) => before[name] === undefined);
      const environment = { ...this.#environment, isContinuousIntegration: false };
      const wanted = Object.fromEntries(names.map((name) => [name, true]));
      const services = await startServices(wanted, { environment });
      this.#running.push(services);
      await prepare(services.addresses);
      const addresses = this.#addresses(services.addresses.missing);
      writeFileSync(
        stateFile(this.#environment),
        `${JSON.stringify({ processId: process.pid, checkout, addresses }, null, 2)}\n`,
      );
      return { processId: process.pid, addresses };
    } catch (error) {
      return { processId: process.pid, addresses: this.#addresses(), error: messageOf(error) };
    }
  }

  /** The addresses of all running services, and the services that the current request could not start. */
  #addresses(missing: readonly MissingService[] = []): ServiceAddresses {
    return Object.assign({}, ...this.#running.map((services) => services.addresses), { missing });
  }

  #isEmpty(answer: HolderAnswer): boolean {
    return Object.keys(answer.addresses).every((key) => key === 'missing');
  }

  async #end(): Promise<void> {
    await this.#last;
    await this.#stopServices();
    this.#close();
  }

  async #stopServices(): Promise<void> {
    await Promise.all(this.#running.map((services) => services.stop()));
    rmSync(stateFile(this.#environment), { force: true });
  }

  #close(): void {
    // Closing the server removes its socket.
    this.#server.close(() => process.exit(0));
  }
}

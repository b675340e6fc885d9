/** Measures the HTTP client alone, in processes of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { RunningCheck } from '../../test/checks/lib/command.ts';
import { measuresOf } from '../lib/bench.ts';
import type { Measure } from '../lib/result.ts';

/** The bench measures two interfaces of undici: `dispatch`, the lowest, which order-sync uses, and `request`. */
const CLIENT_WAYS = ['dispatch', 'request'] as const;

interface ClientRate {
  readonly posts_per_second: number;
  readonly cpu_seconds_per_million: number;
}

/** One measurement of the client through each of its interfaces. */
export type ClientRates = Readonly<Record<(typeof CLIENT_WAYS)[number], ClientRate>>;

/** The HTTP client alone. Client and server run in processes of their own, like order-sync and order-mgt. */
export class BareClient {
  readonly #check: RunningCheck;
  readonly #port: string;
  readonly #measured: ClientRates[] = [];

  private constructor(check: RunningCheck, port: string) {
    this.#check = check;
    this.#port = port;
  }

  static async start(check: RunningCheck): Promise<BareClient> {
    const server = spawnPart(check, 'bare-server.ts', []);
    const [port] = (await once(server.stdout, 'data')) as [Buffer];
    return new BareClient(check, port.toString().trim());
  }

  async measure(): Promise<ClientRates> {
    const request = await this.#rateBy('request');
    const measured = { request, dispatch: await this.#rateBy('dispatch') };
    this.#measured.push(measured);
    this.#check.progress(`The client alone: ${JSON.stringify(measured)}`);
    return measured;
  }

  async #rateBy(way: keyof ClientRates): Promise<ClientRate> {
    const argv = [this.#port, way, this.#check.text('client-seconds')];
    const client = spawnPart(this.#check, 'bare-client.ts', argv);
    const [answer] = (await once(client.stdout, 'data')) as [Buffer];
    return JSON.parse(answer.toString());
  }

  measures(): Measure[] {
    return CLIENT_WAYS.flatMap((way) =>
      measuresOf(
        'posts to a bare server',
        `undici ${way}`,
        this.#measured.map((each) => ({ ...each[way] })),
      ),
    );
  }
}

function spawnPart(check: RunningCheck, file: string, argv: readonly string[]) {
  const child = spawn(process.execPath, [join(import.meta.dirname, file), ...argv], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  check.defer(() => void child.kill('SIGKILL'));
  return child;
}

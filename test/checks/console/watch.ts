/** Watches everything that the pages of a browser do behind the scenes: errors, reports of the policy, requests. */
import type { BrowserContext, ConsoleMessage } from 'playwright-core';

const REPORT = 'tributaryPolicyReport';
/** The browser's own line about an answer that is an error. */
const REFUSAL = /^Failed to load resource: the server responded with a status of (\d+)/;

/** Runs in each page. */
declare function addEventListener(name: string, listener: (event: PolicyEvent) => void): void;
interface PolicyEvent {
  readonly violatedDirective: string;
  readonly blockedURI: string;
  readonly sourceFile: string;
}

export class Watch {
  readonly #origin: string;
  readonly #expected = new Set<number>();
  /** The refusals that came while they were expected. A page asks again later, and the browser may tell of one late. */
  readonly #refused = new Set<string>();
  /** Violations of the content security policy. */
  readonly policyReports: string[] = [];
  /** Errors of the pages' consoles and uncaught ones, without the refusals that an act expects. */
  readonly consoleErrors: string[] = [];
  /** Requests to any other origin. */
  readonly foreignRequests: string[] = [];
  /** The addresses of all requests, and of all documents. */
  readonly addresses = new Set<string>();

  private constructor(origin: string) {
    this.#origin = origin;
  }

  static async of(context: BrowserContext, origin: string): Promise<Watch> {
    const watch = new Watch(origin);
    await context.exposeBinding(REPORT, (_source, report: string) => watch.policyReports.push(report));
    await context.addInitScript((report) => {
      addEventListener('securitypolicyviolation', (event) => {
        const { violatedDirective, blockedURI, sourceFile } = event;
        const tell = (globalThis as unknown as Record<string, (text: string) => void>)[report];
        tell?.(`${violatedDirective} blocked ${blockedURI} in ${sourceFile}`);
      });
    }, REPORT);
    context.on('console', (message) => watch.#said(message));
    context.on('weberror', (error) => watch.consoleErrors.push(`uncaught: ${error.error().message}`));
    context.on('request', (request) => watch.#requested(request.url()));
    context.on('response', (response) => watch.#answered(response.status(), response.url()));
    return watch;
  }

  /** While `work` runs, the API may answer with these statuses, and later too at the same addresses. */
  async expecting(statuses: readonly number[], work: () => Promise<void>): Promise<void> {
    for (const status of statuses) this.#expected.add(status);
    try {
      await work();
    } finally {
      for (const status of statuses) this.#expected.delete(status);
    }
  }

  #said(message: ConsoleMessage): void {
    if (message.type() !== 'error') return;
    const status = REFUSAL.exec(message.text())?.[1];
    const { url } = message.location();
    if (status !== undefined && (this.#expected.has(Number(status)) || this.#refused.has(`${status} ${url}`)))
      return;
    this.consoleErrors.push(`${message.text()} (${url})`);
  }

  #answered(status: number, address: string): void {
    if (this.#expected.has(status)) this.#refused.add(`${status} ${address}`);
  }

  #requested(address: string): void {
    this.addresses.add(address);
    const { protocol, origin } = new URL(address);
    if (protocol === 'data:' || protocol === 'blob:') return;
    if (origin !== this.#origin) this.foreignRequests.push(address);
  }
}

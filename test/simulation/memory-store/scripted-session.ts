import { TributaryError } from '../../../src/core/errors.ts';
import type { StoreSession } from '../../../src/testing/memory-store/index.ts';

/** A session that waits, fails or hangs where a test says so. */
export class ScriptedSession implements StoreSession {
  readonly sent: string[] = [];
  before: (name: string) => Promise<void> | void = () => {};
  after: (name: string) => Promise<void> | void = () => {};

  async statement(name: string): Promise<void> {
    this.sent.push(name);
    await this.before(name);
  }

  async answered(name: string): Promise<void> {
    await this.after(name);
  }

  /** Holds the session up before the next statement of this name. Gives what lets it go on. */
  holdBefore(name: string): { readonly arrived: Promise<void>; goOn(): void } {
    const arrived = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    this.before = (sent) => {
      if (sent !== name) return;
      this.before = () => {};
      arrived.resolve();
      return gate.promise;
    };
    return { arrived: arrived.promise, goOn: gate.resolve };
  }

  failBefore(name: string, code: 'store_busy' | 'store_unreachable' | 'store_failed'): void {
    this.before = (sent) => {
      if (sent === name) throw new TributaryError(code, 'The test wants it.');
    };
  }
}

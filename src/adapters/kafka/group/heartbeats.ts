import type { ResolvedOptions } from '../options.ts';

/** How a membership ended: the group shares out anew, it has gone on without us, or we are leaving. */
export type MembershipEnd = 'rebalance' | 'lost' | 'closed';

/**
 * The heartbeats of one membership. They go on after the group has asked to join again, until `stop`: giving
 * partitions back may take longer than the session timeout.
 */
export class Heartbeats {
  readonly #options: ResolvedOptions;
  readonly #send: (signal: AbortSignal) => Promise<string | undefined>;
  readonly #stopping = new AbortController();
  readonly #ended = Promise.withResolvers<MembershipEnd>();
  #end: MembershipEnd | undefined;
  #answeredAtMs: number;

  /** `send` resolves with the coordinator's error, if it answered with one, and rejects if it did not answer. */
  constructor(options: ResolvedOptions, send: (signal: AbortSignal) => Promise<string | undefined>) {
    this.#options = options;
    this.#send = send;
    this.#answeredAtMs = options.clock.monotonicMs();
  }

  start(): void {
    this.#answeredAtMs = this.#options.clock.monotonicMs();
    void this.#run();
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** Whether the coordinator can't have ended the session yet. */
  isAlive(): boolean {
    const { clock, sessionTimeoutMs } = this.#options;
    return this.#end !== 'lost' && clock.monotonicMs() - this.#answeredAtMs < sessionTimeoutMs;
  }

  /** Ends the membership if the session must have ended by now: an answer that comes later counts no more. */
  expire(): void {
    if (!this.isAlive()) this.#lose();
  }

  hasEnded(): boolean {
    return this.#end !== undefined;
  }

  endByRebalance(): void {
    this.#finish('rebalance');
  }

  ended(closing: AbortSignal): Promise<MembershipEnd> {
    const closed = Promise.withResolvers<MembershipEnd>();
    const onClose = (): void => closed.resolve('closed');
    if (closing.aborted) onClose();
    else closing.addEventListener('abort', onClose, { once: true });
    return Promise.race([this.#ended.promise, closed.promise]).finally(() => {
      closing.removeEventListener('abort', onClose);
    });
  }

  #finish(end: MembershipEnd): void {
    this.#end ??= end;
    this.#ended.resolve(end);
  }

  async #run(): Promise<void> {
    const { clock, heartbeatIntervalMs } = this.#options;
    const { signal } = this.#stopping;
    const deadline = this.#watchSession();
    while (!signal.aborted && this.#end !== 'lost') {
      await clock.sleep(heartbeatIntervalMs, signal);
      if (signal.aborted || !this.isAlive()) break;
      const sentAtMs = clock.monotonicMs();
      try {
        const answer = await this.#send(signal);
        if (signal.aborted) break;
        this.#judge(answer, sentAtMs);
      } catch {
        // Not answered: asked again after the interval, until the session must have ended.
      }
    }
    await deadline;
  }

  #judge(answer: string | undefined, sentAtMs: number): void {
    switch (answer) {
      case undefined:
        this.#answeredAtMs = sentAtMs;
        break;
      case 'REBALANCE_IN_PROGRESS':
        this.#answeredAtMs = sentAtMs;
        this.#finish('rebalance');
        break;
      case 'UNKNOWN_MEMBER_ID':
      case 'ILLEGAL_GENERATION':
      case 'FENCED_INSTANCE_ID':
        this.#lose();
        break;
      default:
        // The coordinator moved or is loading: joining again finds it, with what is held given back before.
        this.#finish('rebalance');
    }
  }

  /** Ends the membership when nobody has answered for a session timeout: others may have the partitions by now. */
  async #watchSession(): Promise<void> {
    const { clock, sessionTimeoutMs } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted && this.isAlive()) {
      await clock.sleep(Math.max(1, this.#answeredAtMs + sessionTimeoutMs - clock.monotonicMs()), signal);
    }
    if (!signal.aborted) this.#lose();
  }

  #lose(): void {
    this.#end = 'lost';
    this.#ended.resolve('lost');
  }
}

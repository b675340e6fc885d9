import type { ResolvedOptions } from '../options.ts';

/**
 * `rebalance`: the group shares its partitions out again. `lost`: it goes on without this member. `closed`: we leave.
 */
export type MembershipEnd = 'rebalance' | 'lost' | 'closed';

/**
 * Sends the heartbeats of one membership. They go on until `stop`, also after the group has asked for a rebalance:
 * revoking partitions may take longer than the session timeout.
 */
export class Heartbeats {
  readonly #options: ResolvedOptions;
  readonly #send: (signal: AbortSignal) => Promise<string | undefined>;
  readonly #stopping = new AbortController();
  readonly #ended = Promise.withResolvers<MembershipEnd>();
  #end: MembershipEnd | undefined;
  /** The time at which the last answered heartbeat was sent. */
  #answeredAtMs: number;

  /**
   * `send` resolves with the error code of the coordinator's answer, or undefined. It rejects if there was no answer.
   */
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

  /** True while the coordinator cannot have ended the session yet. */
  isAlive(): boolean {
    const { clock, sessionTimeoutMs } = this.#options;
    return this.#end !== 'lost' && clock.monotonicMs() - this.#answeredAtMs < sessionTimeoutMs;
  }

  /** Ends the membership if the session must have ended by now. Ignores answers that come later. */
  expire(): void {
    if (!this.isAlive()) this.#lose();
  }

  hasEnded(): boolean {
    return this.#end !== undefined;
  }

  endByRebalance(): void {
    this.#finish('rebalance');
  }

  /** Resolves when the membership ends, or with `closed` when `closing` aborts. */
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
        // Without an answer, the next heartbeat follows after the interval, until the session must have ended.
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
        // The coordinator moved or is loading. The next join finds it.
        this.#finish('rebalance');
    }
  }

  /**
   * Ends the membership when no heartbeat was answered for a session timeout: others may have the partitions by now.
   */
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

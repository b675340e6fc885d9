import type { EventEmitter } from 'node:events';
import { messageOf } from '../../../core/errors.ts';
import type { Logger } from '../../../ports/logger.ts';

/**
 * The only way in which a program stops.
 *
 *     running --SIGINT, SIGTERM--> requested --its work returns, stop()--> closing --all closed--> stopped
 *     running --------------stop()------------------------------------------^
 *     requested, closing --second signal or deadline--> ended at once
 *
 * A signal closes nothing. It asks the work to return, and the work's parts are closed after that, since the work still uses
 * them until it returns.
 */
export interface Shutdown {
  /** Aborts when a signal asks for a stop, or when `stop` is called. */
  readonly signal: AbortSignal;
  /** Resolves when `signal` aborts. A server waits for this. */
  readonly requested: Promise<void>;
  /** Has `stop` call `close`. The last part that was deferred is closed first. A part may be deferred during a stop too. */
  defer(name: string, close: () => Promise<void> | void): void;
  /** Closes all parts. A second call waits for the first. Never rejects: a part that fails to close is logged. */
  stop(): Promise<void>;
  /** 130 after SIGINT, 143 after SIGTERM, null without a signal. */
  exitCode(): 130 | 143 | null;
}

export interface ShutdownOptions {
  readonly logger: Logger;
  /** The source of signals: `process`. */
  readonly signals: Pick<EventEmitter, 'on' | 'off'>;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
  /** The longest time of a stop, from the signal on. Then the process is ended. */
  readonly deadlineMs: number;
}

export function createShutdown(options: ShutdownOptions): Shutdown {
  const { logger, signals, exit, deadlineMs } = options;
  const stopping = new AbortController();
  const requested = Promise.withResolvers<void>();
  const closers: { readonly name: string; readonly close: () => Promise<void> | void }[] = [];
  let received: 130 | 143 | null = null;
  let deadline: NodeJS.Timeout | null = null;
  let stopped: Promise<void> | null = null;

  function request(): void {
    if (stopping.signal.aborted) return;
    deadline = setTimeout(() => {
      logger('error', `Not stopped after ${deadlineMs} ms: ending the process. The next start continues.`);
      exit(received ?? 1);
    }, deadlineMs);
    stopping.abort();
    requested.resolve();
  }

  function onSignal(code: 130 | 143): void {
    if (received !== null) {
      logger('warn', 'Second signal: ending the process at once. The next start continues.');
      exit(code);
      return;
    }
    received = code;
    logger('info', 'Stopping; a second signal ends the process at once.', {
      signal: code === 130 ? 'SIGINT' : 'SIGTERM',
    });
    request();
  }
  const onInterrupt = () => onSignal(130);
  const onTerminate = () => onSignal(143);
  signals.on('SIGINT', onInterrupt);
  signals.on('SIGTERM', onTerminate);

  async function closeAll(): Promise<void> {
    request();
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) {
      try {
        await closer.close();
      } catch (error) {
        logger('warn', `Closing ${closer.name} failed: ${messageOf(error)}`);
      }
    }
    if (deadline !== null) clearTimeout(deadline);
    signals.off('SIGINT', onInterrupt);
    signals.off('SIGTERM', onTerminate);
  }

  return {
    signal: stopping.signal,
    requested: requested.promise,
    defer(name, close) {
      closers.push({ name, close });
    },
    stop() {
      stopped ??= closeAll();
      return stopped;
    },
    exitCode: () => received,
  };
}

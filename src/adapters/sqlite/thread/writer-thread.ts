import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ViewShape } from '../../../core/adoption/index.ts';
import { messageOf, TributaryError } from '../../../core/errors.ts';
import type { CommitOutcome } from '../../../ports/commit.ts';
import { receivedError, type SentError } from './sent-error.ts';
import { BatchMemory, type ThreadBatch } from './thread-batch.ts';

/** What the thread is told when it starts. */
export interface WriterPlace {
  readonly file: string;
  readonly tablePrefix: string;
  readonly view: ViewShape;
  readonly targets: readonly string[];
}

/** Tells the thread to end. */
export const CLOSE = 'close';

/** The answer to one batch. */
export type WriterAnswer =
  | { readonly kind: 'outcome'; readonly outcome: CommitOutcome }
  | { readonly kind: 'error'; readonly error: SentError };

/** The most memory for new objects. What the thread makes is short-lived. */
const YOUNG_MIB = 8;

/** The file beside this one, in a checkout and in the package. */
const SCRIPT = import.meta.url.endsWith('.ts')
  ? new URL('./writer.ts', import.meta.url)
  : new URL('./writer.js', import.meta.url);

/**
 * A thread with a connection of its own, which writes one large batch at a time. The statements of SQLite run inside the
 * process: on the main thread they would keep the next batch from being read and planned. It starts with its first batch.
 */
export class WriterThread {
  readonly #place: Pick<WriterPlace, 'view' | 'targets'>;
  readonly memory = new BatchMemory();
  #worker: Worker | null = null;

  constructor({ view, targets }: Pick<WriterPlace, 'view' | 'targets'>) {
    const { table, keyColumn, columns } = view;
    // The view of a domain has functions too, which cannot be sent to a thread.
    this.#place = { view: { table, keyColumn, columns }, targets };
  }

  /**
   * Writes one batch in a transaction of its own, unless it is fenced or stale. Throws SQLite's own error if another
   * process has the write lock; nothing has happened then. The caller makes the commit durable.
   */
  async run(place: Pick<WriterPlace, 'file' | 'tablePrefix'>, batch: ThreadBatch): Promise<CommitOutcome> {
    this.#worker ??= this.#start({ ...place, ...this.#place });
    const answer = await ask(this.#worker, batch);
    if (answer.kind === 'error') throw receivedError(answer.error);
    return answer.outcome;
  }

  /**
   * Has the thread close its connection and end. It starts anew with the next batch. No batch may be under way: a thread that
   * is ended from outside while SQLite runs in it takes the whole process down.
   */
  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker === null) return;
    this.#worker = null;
    const over = once(worker, 'exit');
    worker.ref();
    worker.postMessage(CLOSE);
    await over;
  }

  #start(place: WriterPlace): Worker {
    const worker = new Worker(SCRIPT, {
      workerData: place,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
      name: 'writer',
    });
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = null;
    });
    // While a batch is being written, `ask` listens too.
    worker.on('error', () => {});
    worker.unref();
    return worker;
  }
}

/** Resolves with the answer. Rejects with `store_commit_unknown` if the thread ends without one. */
function ask(worker: Worker, batch: ThreadBatch): Promise<WriterAnswer> {
  return new Promise((resolve, reject) => {
    let why = 'it ended by itself';
    const failed = (error: unknown) => {
      why = messageOf(error);
    };
    const over = () => {
      worker.off('message', answered);
      worker.off('error', failed);
      worker.off('exit', ended);
      worker.unref();
    };
    const answered = (answer: WriterAnswer) => {
      over();
      resolve(answer);
    };
    const ended = () => {
      over();
      reject(
        new TributaryError(
          'store_commit_unknown',
          `The thread that wrote a batch gave no answer (${why}): read the checkpoints to see whether it stands.`,
        ),
      );
    };
    worker.on('message', answered);
    worker.on('error', failed);
    worker.on('exit', ended);
    worker.ref();
    worker.postMessage(batch);
  });
}

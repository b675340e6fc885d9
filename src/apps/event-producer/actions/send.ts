import { createReadStream } from 'node:fs';
import { messageOf, TributaryError } from '../../../core/errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { readLines } from '../ndjson.ts';
import { publish } from '../publish.ts';
import { SelfClockingPipe } from '../self-clocking-pipe.ts';
import { createLineReader } from '../send-line.ts';
import { openSession, type ProducerContext, type ProducerSession, printPublished } from '../session.ts';

/** The longest line. Kafka's default limit for a record is a little above this. */
const MAX_LINE_BYTES = 1_000_000;

export async function runSend(
  clock: Clock,
  context: CommandContext<'event-producer'>,
  input: CommandInput,
): Promise<number> {
  const file = input.arguments[0] ?? '-';
  const bytes = file === '-' ? context.host.stdin : await openFile(file);
  context.shutdown.signal.addEventListener('abort', () => bytes.destroy());
  const session = await openSession(context, clock, input.options.createTopics === true);
  const badLines = new BadLines(context, input.options.allErrors === true);
  const sent = await sendAll(context, session, bytes, badLines, input.options.raw === true);
  await context.output.endRows();
  badLines.sum(file);
  await session.tellPublished(sent, badLines.count);
  return badLines.count === 0 ? EXIT.ok : EXIT.partial;
}

async function sendAll(
  context: ProducerContext,
  session: ProducerSession,
  bytes: AsyncIterable<Uint8Array>,
  badLines: BadLines,
  isRaw: boolean,
): Promise<number> {
  const readLine = createLineReader({ topics: session.topics, source: context.settings.source, isRaw });
  const pipe = new SelfClockingPipe(async (events) => {
    await printPublished(context, await publish(session.producer, events, session.tracing));
  }, context.settings.batchEvents);
  try {
    for await (const line of readLines(bytes, MAX_LINE_BYTES)) {
      const result = readLine(line);
      if (result.kind === 'event') {
        await pipe.push(result.event);
      } else {
        badLines.report(line.number, result.reason);
      }
    }
  } catch (error) {
    // A stop cuts the input off. The lines that were read before are still sent.
    if (!context.shutdown.signal.aborted || error instanceof TributaryError) throw error;
  }
  await pipe.drain();
  return pipe.sent;
}

const ERRORS_SHOWN = 10;
/** The most different reasons that are counted one by one. Further reasons are counted together. */
const REASONS_COUNTED = 20;

/** Reports the first 10 bad lines, and how many of the rest there are for each reason. */
class BadLines {
  readonly #context: ProducerContext;
  readonly #showsAll: boolean;
  readonly #byReason = new Map<string, number>();
  #otherReasons = 0;
  count = 0;

  constructor(context: ProducerContext, showsAll: boolean) {
    this.#context = context;
    this.#showsAll = showsAll;
  }

  report(line: number, reason: string): void {
    this.count++;
    const known = this.#byReason.get(reason);
    if (known === undefined && this.#byReason.size >= REASONS_COUNTED) this.#otherReasons++;
    else this.#byReason.set(reason, (known ?? 0) + 1);
    if (!this.#showsAll && this.count > ERRORS_SHOWN) return;
    this.#write({ line, detail: reason }, `line ${line}: ${reason}`);
  }

  /** Writes the counts, unless every bad line was reported. */
  sum(file: string): void {
    if (this.#showsAll || this.count <= ERRORS_SHOWN) return;
    const reasons = [...this.#byReason].sort(([, left], [, right]) => right - left);
    const kinds = reasons.map(([reason, count]) => `${count} x ${reason}`);
    if (this.#otherReasons > 0) kinds.push(`${this.#otherReasons} x other reasons`);
    const see = `event-producer send ${file} --all-errors`;
    this.#write(
      { refused: this.count, reasons: Object.fromEntries(reasons), detail: `See every line by: ${see}` },
      `${this.count} lines are bad, and the first ${ERRORS_SHOWN} are named above. By reason: ${kinds.join(' ')} See every line by: ${see}`,
    );
  }

  #write(more: object, text: string): void {
    const isText = this.#context.output.format === 'text';
    const problem = { type: 'docs/errors.md#usage', code: 'usage', ...more };
    this.#context.host.stderr.write(isText ? `error: ${text}\n` : `${JSON.stringify(problem)}\n`);
  }
}

function openFile(path: string): Promise<ReturnType<typeof createReadStream>> {
  return new Promise((resolve, reject) => {
    const stream = createReadStream(path);
    stream.once('open', () => resolve(stream));
    stream.once('error', (error) => {
      reject(
        new TributaryError(
          'usage',
          `${path} cannot be read (${messageOf(error)}): name an NDJSON file, or - for stdin.`,
        ),
      );
    });
  });
}

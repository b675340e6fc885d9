import { createReadStream } from 'node:fs';
import { messageOf, TributaryError } from '../../core/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CommandSpec } from '../shared/cli.ts';
import { EXIT } from '../shared/exit-codes.ts';
import { readLines } from './ndjson.ts';
import { type OutgoingEvent, publish } from './publish.ts';
import { createLineReader } from './send-line.ts';
import { openSession, type ProducerContext, type ProducerSession, printPublished } from './session.ts';

/** A line may be as long as a record; Kafka's own default limit is a little above this. */
const MAX_LINE_BYTES = 1_000_000;

/** `event-producer send -`: events that are there already, one JSON body a line. */
export function sendCommand(clock: Clock): CommandSpec<'event-producer'> {
  return {
    name: 'send',
    summary: 'Publish events from a file or from stdin, one JSON body a line.',
    examples: [
      ['event-producer send events.ndjson', 'Every line of the file; bad lines are named and left out'],
      ['jq -c ".[]" events.json | event-producer send -', 'From stdin'],
      [
        'event-producer send - --raw < broken.ndjson',
        'Also what is no valid event, to see what order-sync does',
      ],
    ],
    arguments: [['<file>', 'NDJSON file, or - for stdin.']],
    options: [
      ['--raw', 'Send lines that are no valid events too, as they are.'],
      ['--create-topics', 'Make missing topics on Kafka too.'],
    ],
    async run(context, input) {
      const file = input.arguments[0] ?? '-';
      const bytes = file === '-' ? context.host.stdin : await openFile(file);
      context.shutdown.signal.addEventListener('abort', () => bytes.destroy());
      const session = await openSession(context, clock, input.options.createTopics === true);
      const { sent, refused } = await sendAll(context, session, bytes, input.options.raw === true);
      await context.output.endRows();
      if (!context.isQuiet) {
        context.host.stderr.write(`${sent} published to ${session.destination}, ${refused} refused\n`);
      }
      return refused === 0 ? EXIT.ok : EXIT.partial;
    },
  };
}

async function sendAll(
  context: ProducerContext,
  session: ProducerSession,
  bytes: AsyncIterable<Uint8Array>,
  isRaw: boolean,
): Promise<{ sent: number; refused: number }> {
  const readLine = createLineReader({ topics: session.topics, source: context.settings.source, isRaw });
  const pipe = new SelfClockingPipe(async (events) => {
    await printPublished(context, await publish(session.producer, events));
  }, context.settings.batchEvents);
  let refused = 0;
  try {
    for await (const line of readLines(bytes, MAX_LINE_BYTES)) {
      const result = readLine(line);
      if (result.kind === 'event') {
        await pipe.push(result.event);
      } else {
        refused++;
        reportLine(context, line.number, result.reason);
      }
    }
  } catch (error) {
    // Stopping cuts the input off; what has been read of it is still sent.
    if (!context.shutdown.signal.aborted || error instanceof TributaryError) throw error;
  }
  await pipe.drain();
  return { sent: pipe.sent, refused };
}

/**
 * Sends what has come while the last piece was on its way: a single event at once, many in large pieces. One
 * piece is on its way at a time, so that events stay in sequence; `push` waits when the next piece is full.
 */
class SelfClockingPipe {
  readonly #send: (events: readonly OutgoingEvent[]) => Promise<void>;
  readonly #maxEvents: number;
  #waiting: OutgoingEvent[] = [];
  #sending: Promise<void> | null = null;
  #failure: unknown = null;
  sent = 0;

  constructor(send: (events: readonly OutgoingEvent[]) => Promise<void>, maxEvents: number) {
    this.#send = send;
    this.#maxEvents = maxEvents;
  }

  async push(event: OutgoingEvent): Promise<void> {
    this.#waiting.push(event);
    this.#start();
    while (this.#waiting.length >= this.#maxEvents) await this.#next();
  }

  async drain(): Promise<void> {
    while (this.#sending !== null || this.#waiting.length > 0) await this.#next();
  }

  async #next(): Promise<void> {
    this.#start();
    await this.#sending;
    if (this.#failure !== null) throw this.#failure;
  }

  #start(): void {
    if (this.#sending !== null || this.#waiting.length === 0) return;
    const events = this.#waiting;
    this.#waiting = [];
    this.#sending = this.#send(events)
      .then(() => {
        this.sent += events.length;
      })
      .catch((error: unknown) => {
        this.#failure = error;
      })
      .finally(() => {
        this.#sending = null;
        if (this.#failure === null) this.#start();
      });
  }
}

function reportLine(context: ProducerContext, line: number, reason: string): void {
  const isText = context.output.format === 'text';
  const problem = { type: 'docs/errors.md#usage', code: 'usage', line, detail: reason };
  context.host.stderr.write(isText ? `error: line ${line}: ${reason}\n` : `${JSON.stringify(problem)}\n`);
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

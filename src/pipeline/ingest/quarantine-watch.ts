import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { QuarantinedRecord } from '../../ports/quarantine.ts';

const LOOK_EVERY_MS = 1_000;
/** The time between two log lines on quarantine. The second one counts the records since the first. */
const SAY_EVERY_MS = 60_000;
/** A topic accepts nothing if this many records in a row were refused, over at least this time. */
const NOTHING_RECORDS = 10;
const NOTHING_MS = 15_000;
/** The time between two log lines saying that a topic accepts nothing. */
const NOTHING_AGAIN_MS = 10 * 60_000;
/** The most reasons that one log line names. */
const REASONS_SHOWN = 5;
const WHERE_TO_LOOK =
  'List them with "order-sync quarantine"; docs/quarantine.md has a remedy for each reason.';

/** What the watch needs to know of a committed piece. */
export interface CommittedPiece {
  readonly topic: string;
  readonly events: { readonly length: number };
  readonly rejected: readonly QuarantinedRecord[];
}

interface Refused {
  records: number;
  /** One of these records, as an example. */
  readonly example: QuarantinedRecord;
}

/** The records of a topic that were refused since the last accepted one. */
interface Row {
  records: number;
  readonly sinceMs: number;
  saidMs: number | null;
  last: QuarantinedRecord;
}

/**
 * Logs that records are refused: within a second at first, then at most once a minute with the counts since. Also logs
 * that a topic accepts nothing any more, because then its producer or a setting is wrong, and not a record.
 */
export class QuarantineWatch {
  readonly #clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  readonly #logger: Logger;
  /** The refused records that no log line has counted yet, by topic and reason. */
  readonly #unsaid = new Map<string, Refused>();
  readonly #rows = new Map<string, Row>();
  #sayFromMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonicMs' | 'sleep'>, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Notes that these records are in the store, as events or in quarantine. */
  committed(pieces: readonly CommittedPiece[]): void {
    for (const { topic, events, rejected } of pieces) {
      if (events.length > 0 && this.#rows.size > 0) this.#accepted(topic);
      const last = rejected.at(-1);
      if (last === undefined) continue;
      for (const record of rejected) {
        const kind = `${topic} ${record.reason}`;
        const known = this.#unsaid.get(kind);
        if (known === undefined) this.#unsaid.set(kind, { records: 1, example: record });
        else known.records++;
      }
      // An accepted event in the piece shows that the topic does not refuse everything.
      if (events.length > 0) continue;
      const row = this.#rows.get(topic);
      if (row === undefined)
        this.#rows.set(topic, {
          records: rejected.length,
          sinceMs: this.#clock.monotonicMs(),
          saidMs: null,
          last,
        });
      else {
        row.records += rejected.length;
        row.last = last;
      }
    }
  }

  /** Looks every second, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#clock.sleep(LOOK_EVERY_MS, signal);
      if (!signal.aborted) this.look();
    }
    // Logs what came since the last line, because no later look will.
    if (this.#unsaid.size > 0) this.#say(this.#clock.monotonicMs());
  }

  look(): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#unsaid.size > 0 && nowMs >= this.#sayFromMs) this.#say(nowMs);
    for (const [topic, row] of this.#rows) {
      if (!isNothing(row, nowMs)) continue;
      if (row.saidMs !== null && nowMs - row.saidMs < NOTHING_AGAIN_MS) continue;
      row.saidMs = nowMs;
      this.#logger('error', nothingOf(topic, row, nowMs), { topic, records: row.records });
    }
  }

  /** One sentence for each topic that accepts nothing. */
  warnings(): string[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#rows].flatMap(([topic, row]) =>
      isNothing(row, nowMs) ? [nothingOf(topic, row, nowMs)] : [],
    );
  }

  #accepted(topic: string): void {
    const row = this.#rows.get(topic);
    if (row === undefined) return;
    this.#rows.delete(topic);
    if (row.saidMs !== null)
      this.#logger('info', `Records of ${topic} are accepted again, after ${row.records} refused ones.`, {
        topic,
      });
  }

  #say(nowMs: number): void {
    const refused = [...this.#unsaid.values()].sort((left, right) => right.records - left.records);
    this.#unsaid.clear();
    this.#sayFromMs = nowMs + SAY_EVERY_MS;
    const records = refused.reduce((sum, kind) => sum + kind.records, 0);
    const kinds = refused.slice(0, REASONS_SHOWN).map(sentenceOf).join('; ');
    const more = refused.length > REASONS_SHOWN ? `; and ${refused.length - REASONS_SHOWN} more kinds` : '';
    this.#logger(
      'warn',
      `${records === 1 ? 'A record was' : `${records} records were`} refused and put into quarantine: ${kinds}${more}. ${WHERE_TO_LOOK}`,
      { records },
    );
  }
}

function sentenceOf({ records, example }: Refused): string {
  return `${records} of ${example.topic} for ${example.reason} (as at ${placeOf(example)}: ${bare(example.detail)})`;
}

function placeOf({ topic, partition, offset }: QuarantinedRecord): string {
  return `${topic}/${partition} offset ${offset}`;
}

function bare(detail: string): string {
  return detail.replace(/\.$/, '');
}

function isNothing(row: Row, nowMs: number): boolean {
  return row.records >= NOTHING_RECORDS && nowMs - row.sinceMs >= NOTHING_MS;
}

function nothingOf(topic: string, { records, sinceMs, last }: Row, nowMs: number): string {
  const seconds = Math.floor((nowMs - sinceMs) / 1_000);
  return (
    `Nothing of ${topic} has been accepted for ${seconds} s: all of its last ${records} records were refused, the latest for ` +
    `${last.reason} (at ${placeOf(last)}: ${bare(last.detail)}). Look at what its producer writes (event-producer inspect ${topic}). ${WHERE_TO_LOOK}`
  );
}

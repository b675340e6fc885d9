import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { QuarantinedRecord } from '../../ports/quarantine.ts';

const LOOK_EVERY_MS = 1_000;
/** After a line on quarantine the next one waits for this long, and counts what came meanwhile. */
const SAY_EVERY_MS = 60_000;
/** A topic of which at least this many records in a row were refused, for at least this time, gives nothing. */
const NOTHING_RECORDS = 10;
const NOTHING_MS = 15_000;
/** That nothing is accepted is said again after this time. */
const NOTHING_AGAIN_MS = 10 * 60_000;
/** Of the reasons at most so many are named in a line. */
const REASONS_SHOWN = 5;
const WHERE_TO_LOOK =
  'List them with "order-sync quarantine"; docs/quarantine.md has a remedy for each reason.';

/** What the watch needs to know of records that were decoded together and are committed. */
export interface CommittedPiece {
  readonly topic: string;
  readonly events: { readonly length: number };
  readonly rejected: readonly QuarantinedRecord[];
}

interface Refused {
  records: number;
  /** One of them, to look at. */
  readonly example: QuarantinedRecord;
}

/** The records of a topic that were refused since the last one that was accepted. */
interface Row {
  records: number;
  readonly sinceMs: number;
  saidMs: number | null;
  last: QuarantinedRecord;
}

/**
 * Says that records are refused: within a second when it begins, then at most once a minute with the counts since. And says
 * of a topic that nothing of it is accepted any more: its producer, or a setting here, is wrong then, and not a record.
 */
export class QuarantineWatch {
  readonly #clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  readonly #logger: Logger;
  /** Not yet said, by topic and reason. */
  readonly #unsaid = new Map<string, Refused>();
  readonly #rows = new Map<string, Row>();
  #sayFromMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonicMs' | 'sleep'>, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** These records stand in the store now, as events or in quarantine. */
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
      // Which of a piece came last is not known: an event among them shows that not everything is refused.
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
    // What came since the last line would else be said by nobody.
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

  /** What is wrong although the program works, a sentence for each topic of which everything is refused. */
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
    `${last.reason} (at ${placeOf(last)}: ${bare(last.detail)}). Look at what its producer writes. ${WHERE_TO_LOOK}`
  );
}

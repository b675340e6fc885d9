import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { isProgramError } from '../../core/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import {
  type Delivery,
  type DeliveryOutcome,
  type DeliveryVerdict,
  defectOutcome,
  RETRY_AFTER_MAX_MS,
} from '../../ports/delivery-target.ts';
import { adviceOn, adviceOnFault, describeAnswer, wantedScheme } from './advice.ts';
import { ANSWER_KEPT_BYTES, type Answered, answeredDelivery, answerText, firstOf } from './answer.ts';
import type { Connection, Connections, ConnectionUser } from './connections.ts';
import { codeOf, describeFault } from './fault.ts';
import type { SettingNames } from './options.ts';
import { retryAfterMs } from './retry-after.ts';
import type { Endable, UnderWay } from './under-way.ts';
import type { Judge } from './verdict.ts';

/** The parts that all attempts of one target share. */
export interface AttemptContext {
  /** Scheme, host and port, and the proxy if there is one. Messages name the target by it. */
  readonly place: string;
  readonly settingNames: SettingNames;
  readonly clock: Pick<Clock, 'now' | 'monotonicMs'>;
  readonly deadlineMs: number;
  readonly verdictOf: Judge;
  readonly underWay: UnderWay;
  readonly connections: Connections;
}

/** The most bytes that are read of the answer to a single state. */
const ANSWER_READ_BYTES = 64 * 1_024;

/**
 * One request, from its beginning until its outcome is known. It is in one of these states:
 *
 *     waiting --connection--> sent --status and headers--> answering --end, limit--> settled
 *     sent --the connection was used before, and is cut without a byte of an answer--> waiting
 *     waiting, sent, answering --deadline, stop signal, broken connection, defect--> settled
 *
 * A settled attempt never changes its outcome. A connection that is made later does not carry its request any more.
 */
export class Attempt implements ConnectionUser, Endable {
  previous: Endable | null = null;
  next: Endable | null = null;
  connection: Connection | null = null;
  isHandedOver = false;
  readonly isCareful: boolean;
  readonly signal: AbortSignal;
  readonly startedMs: number;
  readonly #deliveryId: string | null;
  readonly #number: number;
  readonly #context: AttemptContext;
  readonly #settled: (outcome: DeliveryOutcome, attempt: Attempt) => void;
  readonly #readLimit: number;
  readonly #keptLimit: number;
  #isSettled = false;
  #controller: Dispatcher.DispatchController | null = null;
  #status: number | null = null;
  #retryAfterMs: number | null = null;
  #headers: IncomingHttpHeaders = {};
  #chunks: Buffer[] = [];
  #keptBytes = 0;
  #readBytes = 0;
  #body: Buffer | null = null;
  #text: string | null = null;
  #announcement: string | undefined;

  /**
   * `only`: the delivery of a request with a single state; null for a delivery batch. Second and later attempts, and
   * delivery batches, use a rested connection, so that an answer without a delivery id is accepted. `settled` is called
   * once, with the outcome. `answerLimit`: this many bytes of the answer are read, and kept for `body`. Without it 64 KiB
   * are read, and 1 KiB is kept.
   */
  constructor(
    context: AttemptContext,
    signal: AbortSignal,
    only: Pick<Delivery, 'deliveryId' | 'attempt'> | null,
    settled: (outcome: DeliveryOutcome, attempt: Attempt) => void,
    answerLimit?: number,
  ) {
    this.#readLimit = answerLimit ?? ANSWER_READ_BYTES;
    this.#keptLimit = answerLimit ?? ANSWER_KEPT_BYTES;
    this.#deliveryId = only?.deliveryId ?? null;
    this.#number = only?.attempt ?? 1;
    this.isCareful = only === null || only.attempt > 1;
    this.#context = context;
    this.#settled = settled;
    this.signal = signal;
    this.startedMs = context.clock.monotonicMs();
    context.underWay.add(this);
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** The header `webhook-batch` of a 2xx answer; undefined if there is none. */
  get announcement(): string | undefined {
    return this.#announcement;
  }

  /** The body of the answer, up to `answerLimit`; null before the attempt is settled, and without a limit. */
  get body(): Buffer | null {
    return this.#body;
  }

  /** Settles the attempt before anything was sent. */
  fail(verdict: DeliveryVerdict, error: string, advice?: string): void {
    this.#settle(verdict, error, null, advice);
  }

  /** Settles the attempt, because a defect of Tributary keeps it from going on. */
  failBy(defect: unknown): void {
    this.#end(defectOutcome(defect, this.#context.clock.monotonicMs() - this.startedMs));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isSettled) this.#cut();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    // An interim answer, such as 103, comes before the answer itself.
    if (this.#isSettled || status < 200) return;
    this.#status = status;
    if (status >= 300) {
      this.#headers = headers;
      this.#retryAfterMs = retryAfterMs(
        headers['retry-after'],
        this.#context.clock.now(),
        RETRY_AFTER_MAX_MS,
      );
      return;
    }
    this.#announcement = firstOf(headers['webhook-batch']);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isSettled) return;
    this.#readBytes += chunk.length;
    if (this.#keptBytes <= this.#keptLimit) {
      // A copy, because a slice would keep the whole buffer of the connection in memory.
      const room = this.#keptLimit + 1 - this.#keptBytes;
      const kept = Buffer.from(chunk.length <= room ? chunk : chunk.subarray(0, room));
      this.#chunks.push(kept);
      this.#keptBytes += kept.length;
    }
    if (this.#readBytes >= this.#readLimit) {
      this.#settleByStatus(this.#answeredDelivery());
      this.#cut();
    }
  }

  onResponseEnd(): void {
    const { connections } = this.#context;
    const answered = this.#answeredDelivery();
    const isOurs = this.isHandedOver ? answered === 'this' : answered !== 'another';
    if (isOurs) connections.ended(this, answered === 'this', () => this.#settleByStatus(answered));
    else {
      connections.discard(this);
      this.#settleByStatus(answered);
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const { place, connections } = this.#context;
    const failure = connections.failed(this, error);
    if (failure === null) return;
    // undici passes on what another method of this class has thrown. Errors of undici and of Node have a code.
    if (isProgramError(error) && !('code' in error)) {
      this.failBy(error);
      return;
    }
    // undici would refuse to send the same request again.
    const isRefused = codeOf(error) === 'UND_ERR_INVALID_ARG';
    if (isRefused) this.#settle('park', `The request to ${place} could not be made: ${error.message}.`);
    else this.#settleBroken(describeFault(failure, place), codeOf(failure));
  }

  /** Settles the attempt, because its deadline is over. */
  expire(): void {
    const { place, deadlineMs } = this.#context;
    const missing = this.#status === null ? 'no answer' : 'no complete answer';
    try {
      this.#settleBroken(
        `${place}: ${missing} within ${deadlineMs} ms; whether it was received is not known.`,
      );
    } catch (error) {
      // An error that leaves a timer would end the process.
      this.failBy(error);
    }
    this.#cut();
  }

  /** Settles the attempt, because the program stops. Whether the target received the state stays unknown. */
  stop(): void {
    this.#settle('retry', `Stopped while ${this.#context.place} was being asked; the outcome is not known.`);
    this.#cut();
  }

  /** Destroys the socket. To use it again, the rest of the answer would have to be read. */
  #cut(): void {
    this.#controller?.abort(new Error('The attempt is over.'));
  }

  #answeredDelivery(): Answered {
    return this.#deliveryId === null ? 'unknown' : answeredDelivery(this.#answer(), this.#deliveryId);
  }

  #settleByStatus(answered: Answered): void {
    if (this.#isSettled || this.#status === null) return;
    const verdict = this.#context.verdictOf(this.#status, this.#number);
    const isDelivered = verdict === 'delivered';
    // A verdict that leads to another attempt may be wrong without harm.
    const isFinal = isDelivered || verdict === 'park' || verdict === 'disable';
    if (answered === 'another') this.#settle('retry', this.#doubtSentence('names another delivery'));
    else if (isFinal && this.isHandedOver && answered === 'unknown')
      this.#settle('retry', this.#doubtSentence('does not name the delivery, which the one before it did'));
    else this.#settle(verdict, isDelivered ? null : this.#statusSentence(this.#status));
  }

  #doubtSentence(why: string): string {
    return (
      `${this.#context.place} answered ${this.#status}, but the answer ${why}, so it may be one that came twice or too ` +
      `late; whether ${this.#deliveryId} was received is not known.`
    );
  }

  /** A status counts although the answer broke off, unless it is a 2xx: the missing part may have refused the state. */
  #settleBroken(error: string, faultCode: string | null = null): void {
    const verdict = this.#status === null ? 'retry' : this.#context.verdictOf(this.#status, this.#number);
    if (this.#status === null || verdict === 'delivered') this.#settle('retry', error, faultCode);
    else this.#settle(verdict, `${this.#statusSentence(this.#status)} Then: ${error}`);
  }

  #statusSentence(status: number): string {
    const { place, clock } = this.#context;
    return describeAnswer(place, { status, headers: this.#headers, text: this.#answer() }, clock.now());
  }

  #settle(
    verdict: DeliveryVerdict,
    error: string | null,
    faultCode: string | null = null,
    advice = error === null ? null : this.#advice(faultCode),
  ): void {
    if (this.#isSettled) return;
    if (this.#keptLimit !== ANSWER_KEPT_BYTES) this.#body = Buffer.concat(this.#chunks);
    this.#end({
      verdict,
      status: this.#status,
      latencyMs: this.#context.clock.monotonicMs() - this.startedMs,
      answer: this.#answer(),
      error,
      retryAfterMs: this.#retryAfterMs,
      ...(error === null ? {} : { advice }),
    });
  }

  #advice(faultCode: string | null): string | null {
    const { settingNames } = this.#context;
    const byStatus = adviceOn(this.#status, settingNames, wantedScheme(this.#headers));
    return byStatus ?? (faultCode === null ? null : adviceOnFault(faultCode, settingNames));
  }

  #end(outcome: DeliveryOutcome): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#context.underWay.remove(this);
    this.#chunks = [];
    this.#settled(outcome, this);
  }

  #answer(): string {
    this.#text ??= this.#readAnswer();
    return this.#text;
  }

  #readAnswer(): string {
    const [first] = this.#chunks;
    if (first === undefined) return '';
    return answerText(this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks));
  }
}

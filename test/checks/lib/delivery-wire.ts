/**
 * A proxy between order-sync and order-mgt. It passes requests and answers on unchanged, and records which state was
 * sent under which id and how the target answered, so this is known even when programs are killed. It holds some
 * requests back, as networks do, so that they reach the target long after their sender has given up.
 */
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as requestTo,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from './random.ts';

export interface WireFigures {
  /** The number of states in all requests, repeats included. */
  states_sent: number;
  /** The number of states that the target answered as duplicates. */
  duplicates_answered: number;
  /** The duplicates whose first request got no answer: the target was killed between its COMMIT and the answer. */
  answers_lost: number;
  /** The duplicates whose first sender was killed before it recorded the answer. */
  settlements_lost: number;
  /** The number of states that the target ignored, because it had a later one. */
  older_ignored: number;
  /** The number of ids with two states, states with two ids, and ids that were answered as new twice. */
  ids_wrong: number;
}

export interface Delays {
  /** The share of requests that are held back, from 0 to 1. */
  readonly share: number;
  readonly leastMs: number;
  readonly mostMs: number;
}

/** The record of one id. */
interface Sent {
  readonly state: string;
  wasAnswered: boolean;
  wasSenderKilled: boolean;
  wasLeftUnanswered: boolean;
  /** The sender gave up before the answer. */
  wasGivenUp: boolean;
  timesNew: number;
}

interface StateOnWire {
  readonly id: string;
  /** The order id and the version, as one text. */
  readonly state: string;
}

interface Exchange {
  /** The number of the sender, from 0. */
  readonly sender: number;
  readonly request: IncomingMessage;
  readonly body: Buffer;
  readonly response: ServerResponse;
  isSenderKilled: boolean;
}

interface Result {
  readonly duplicate: boolean;
  readonly ignored: boolean;
}

export class DeliveryWire {
  readonly #targetPort: number;
  readonly #random: Random;
  readonly #delays: Delays;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #servers: readonly Server[];
  readonly #sent = new Map<string, Sent>();
  readonly #ids = new Map<string, string>();
  /** Set while answers are lost. The first lost answer resolves it. */
  #losing: PromiseWithResolvers<void> | null = null;
  /** Called with each sender that gets an answer. */
  #onAnswered: (sender: number) => void = () => {};
  readonly #underWay = new Set<Exchange>();
  readonly #heldBack = new Set<Promise<void>>();
  readonly #figures: WireFigures = {
    states_sent: 0,
    duplicates_answered: 0,
    answers_lost: 0,
    settlements_lost: 0,
    older_ignored: 0,
    ids_wrong: 0,
  };

  /** Opens a port for each sender, so that the wire knows which sender gets an answer. */
  static async open(
    targetPort: number,
    senders: number,
    random: Random,
    delays: Delays,
  ): Promise<DeliveryWire> {
    const wire = new DeliveryWire(targetPort, senders, random, delays);
    for (const server of wire.#servers)
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return wire;
  }

  private constructor(targetPort: number, senders: number, random: Random, delays: Delays) {
    this.#targetPort = targetPort;
    this.#random = random;
    this.#delays = delays;
    this.#servers = Array.from({ length: senders }, (_, sender) => {
      const server = createServer((request, response) => {
        // A request whose sender was killed while it sent the body is dropped.
        void bodyOf(request)
          .then((body) => this.#carry({ sender, request, body, response, isSenderKilled: false }))
          .catch(() => response.destroy());
      });
      server.requestTimeout = 0;
      return server;
    });
  }

  /** The port of each sender. It takes the place of the target's port. */
  get ports(): number[] {
    return this.#servers.map((server) => (server.address() as AddressInfo).port);
  }

  figures(): WireFigures {
    return { ...this.#figures };
  }

  /** Loses all answers until `mend`. Resolves when the target answers a state, or after `patienceMs`. */
  async loseAnswers(patienceMs: number): Promise<void> {
    this.#losing = Promise.withResolvers();
    await Promise.race([this.#losing.promise, sleep(patienceMs)]);
  }

  /** Waits until a sender other than `spared` gets an answer, and returns its number; undefined after `patienceMs`. */
  async answerToOtherThan(spared: number, patienceMs: number): Promise<number | undefined> {
    const answered = new Promise<number>((resolve) => {
      this.#onAnswered = (sender) => {
        if (sender !== spared) resolve(sender);
      };
    });
    const sender = await Promise.race([answered, sleep(patienceMs, undefined)]);
    this.#onAnswered = () => {};
    return sender;
  }

  /** Records that a sender was killed. Nobody receives the answers to its requests that are under way. */
  senderKilled(sender: number): void {
    for (const exchange of this.#underWay) if (exchange.sender === sender) exchange.isSenderKilled = true;
  }

  /** Passes answers on again. */
  mend(): void {
    this.#losing = null;
  }

  /** Resolves when no request is held back any more. */
  async empty(): Promise<void> {
    while (this.#heldBack.size > 0) await Promise.all(this.#heldBack);
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  async #carry(exchange: Exchange): Promise<void> {
    const { request, body } = exchange;
    const states = request.method === 'POST' ? statesIn(request.headers, body) : [];
    if (states.length === 0 || !this.#random.chance(this.#delays.share)) {
      this.#underWay.add(exchange);
      await this.#exchange(exchange, states, false).finally(() => this.#underWay.delete(exchange));
      return;
    }
    const { leastMs, mostMs } = this.#delays;
    const held = sleep(leastMs + this.#random.below(mostMs - leastMs))
      .then(() => this.#exchange(exchange, states, true))
      .finally(() => this.#heldBack.delete(held));
    this.#heldBack.add(held);
  }

  async #exchange(exchange: Exchange, states: readonly StateOnWire[], wasHeld: boolean): Promise<void> {
    const { request, body, response, sender } = exchange;
    // The records are copied before the request is sent, because the answer is judged by their state at this moment.
    const before = states.map((state) => ({ ...this.#noteSent(state) }));
    let answer: { message: IncomingMessage; body: Buffer };
    try {
      answer = await this.#ask(request, body);
    } catch {
      for (const { id } of states) this.#entry(id).wasLeftUnanswered = true;
      response.destroy();
      return;
    }
    const { message } = answer;
    const results = resultsIn(message.statusCode ?? 0, answer.body, states);
    const isLost = results.size > 0 && this.#losing !== null;
    const isGivenUp = response.destroyed;
    for (const [index, { id }] of states.entries()) {
      const result = results.get(id);
      if (result === undefined) continue;
      const sent = this.#entry(id);
      this.#noteResult(before[index] as Sent, sent, result, wasHeld);
      if (isLost) sent.wasLeftUnanswered = true;
      else if (exchange.isSenderKilled) sent.wasSenderKilled = true;
      else if (isGivenUp) sent.wasGivenUp = true;
      else sent.wasAnswered = true;
    }
    if (isLost) {
      this.#losing?.resolve();
      response.destroy();
    } else if (!isGivenUp) {
      response.writeHead(message.statusCode ?? 502, message.rawHeaders).end(answer.body);
      if (results.size > 0) this.#onAnswered(sender);
    }
  }

  async #ask(request: IncomingMessage, body: Buffer): Promise<{ message: IncomingMessage; body: Buffer }> {
    const message = await new Promise<IncomingMessage>((resolve, reject) => {
      const { method, url: path, rawHeaders: headers } = request;
      const onward = requestTo(
        { host: '127.0.0.1', port: this.#targetPort, method, path, headers, agent: this.#agent },
        resolve,
      );
      onward.once('error', reject);
      onward.end(body);
    });
    return { message, body: await bodyOf(message) };
  }

  #noteSent({ id, state }: StateOnWire): Sent {
    this.#figures.states_sent++;
    const other = this.#ids.get(state);
    if (other === undefined) this.#ids.set(state, id);
    else if (other !== id) this.#figures.ids_wrong++;
    const known = this.#sent.get(id);
    if (known !== undefined) {
      if (known.state !== state) this.#figures.ids_wrong++;
      return known;
    }
    const sent = {
      state,
      wasAnswered: false,
      wasSenderKilled: false,
      wasLeftUnanswered: false,
      wasGivenUp: false,
      timesNew: 0,
    };
    this.#sent.set(id, sent);
    return sent;
  }

  #noteResult(before: Sent, sent: Sent, { duplicate, ignored }: Result, wasHeld: boolean): void {
    if (!duplicate && ++sent.timesNew > 1) this.#figures.ids_wrong++;
    if (ignored) this.#figures.older_ignored++;
    if (!duplicate) return;
    this.#figures.duplicates_answered++;
    // A duplicate after a request that the wire held back, or that the sender gave up, was not caused by a kill.
    if (wasHeld) return;
    if (before.wasAnswered || before.wasSenderKilled) this.#figures.settlements_lost++;
    else if (before.wasLeftUnanswered && !before.wasGivenUp) this.#figures.answers_lost++;
  }

  #entry(id: string): Sent {
    return this.#sent.get(id) as Sent;
  }
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

type Fields = Readonly<Record<string, unknown>>;

/** Returns the states in the body of a single request or of a batch. */
function statesIn(headers: IncomingHttpHeaders, body: Buffer): StateOnWire[] {
  const document = JSON.parse(body.toString('utf8')) as Fields;
  const nameOf = (state: Fields) => JSON.stringify([state.order_id, state.version]);
  if (!Array.isArray(document.deliveries)) {
    return [{ id: String(headers['webhook-id']), state: nameOf(document) }];
  }
  return (document.deliveries as { id: string; state: Fields }[]).map(({ id, state }) => ({
    id,
    state: nameOf(state),
  }));
}

/** Returns the result of each accepted state by its id. Refused states have none. */
function resultsIn(status: number, body: Buffer, states: readonly StateOnWire[]): Map<string, Result> {
  if (status < 200 || status > 299 || states.length === 0) return new Map();
  const document = JSON.parse(body.toString('utf8')) as Fields;
  const members = Array.isArray(document.results)
    ? (document.results as Fields[]).filter(({ status: own }) => Number(own) >= 200 && Number(own) <= 299)
    : [{ ...document, id: states[0]?.id }];
  return new Map(
    members.map((member) => [
      String(member.id),
      { duplicate: member.duplicate === true, ignored: member.ignored === true },
    ]),
  );
}

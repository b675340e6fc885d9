import type { Clock } from '../../../../src/ports/clock.ts';
import type { ApiName, RequestOf, ResponseOf } from './messages.ts';
import { type About, isOn, namedIn, type Place } from './places.ts';

/** Whether the broker does what it was asked to do, although its answer does not say so. Default: `none`. */
export type Effect = 'none' | 'done';

/** What happens to a request. */
export type Action<Name extends ApiName> =
  /** The answer has this error code at this place. */
  | { readonly kind: 'error'; readonly code: number; readonly at: Place; readonly effect?: Effect }
  /** The answer comes this much later. The effect does not. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The answer comes when the promise resolves: after the effect (`done`), or with it (`none`). */
  | { readonly kind: 'hold'; readonly until: Promise<unknown>; readonly effect?: Effect }
  /** No answer comes, and none to later requests on this connection. */
  | { readonly kind: 'silence'; readonly effect?: Effect }
  /** The connection is closed in place of an answer. */
  | { readonly kind: 'close'; readonly effect?: Effect }
  /** Half of the answer's bytes come, then the connection is closed. */
  | { readonly kind: 'cut' }
  /** The answer has a true length in front, but half of its message. */
  | { readonly kind: 'short' }
  /** The broker says that it has held the request back. */
  | { readonly kind: 'throttle'; readonly ms: number }
  /** Something happens before the broker looks at the request, such as the election of another leader. */
  | { readonly kind: 'first'; run(request: RequestOf<Name>): void }
  /** The answer is changed. */
  | { readonly kind: 'change'; change(response: ResponseOf<Name>, request: RequestOf<Name>): void };

export interface Rule<Name extends ApiName = ApiName> {
  readonly api: Name;
  readonly does: Action<Name>;
  /** Only requests to this broker. */
  readonly nodeId?: number;
  /** Only requests that name this topic or partition. An error stands at it alone. */
  readonly on?: About;
  readonly where?: (request: RequestOf<Name>) => boolean;
  /** This many requests pass before the first one is met. Default 0. */
  readonly skip?: number;
  /** The number of requests that are met. Default 1. */
  readonly times?: number;
  /** The part of the requests that are met, by the script's seed. Default 1. */
  readonly chance?: number;
}

/** A rule that is in force. */
export class ActiveRule {
  readonly rule: Rule;
  /** The number of requests that it has met. */
  hits = 0;
  #seen = 0;
  #isOff = false;

  constructor(rule: Rule) {
    this.rule = rule;
  }

  /** The rule meets no request from now on. */
  end(): void {
    this.#isOff = true;
  }

  /** Whether the rule meets this request, which matches it. */
  meets(random: () => number): boolean {
    const { skip = 0, times = 1, chance = 1 } = this.rule;
    if (this.#isOff || this.hits >= times || this.#seen++ < skip) return false;
    if (chance < 1 && random() >= chance) return false;
    this.hits++;
    return true;
  }
}

/** A request as a broker received it. */
export interface Call {
  readonly api: ApiName;
  readonly nodeId: number;
  readonly clientId: string;
  readonly request: unknown;
  /** The rules that meet it. */
  readonly rules: readonly Rule[];
}

/** The rules of one cluster, and every request that its brokers have received. */
export class Script {
  readonly calls: Call[] = [];
  readonly #clock: Pick<Clock, 'random'>;
  readonly #rules: ActiveRule[] = [];
  readonly #topicName: (topicId: string) => string;

  constructor(clock: Pick<Clock, 'random'>, topicName: (topicId: string) => string) {
    this.#clock = clock;
    this.#topicName = topicName;
  }

  add<Name extends ApiName>(rule: Rule<Name>): ActiveRule {
    const active = new ActiveRule(rule as unknown as Rule);
    this.#rules.push(active);
    return active;
  }

  /** Brokers answer correctly from now on. */
  clear(): void {
    for (const active of this.#rules.splice(0)) active.end();
  }

  /** Notes the request, and finds the rules that meet it. */
  meet(api: ApiName, nodeId: number, clientId: string, request: unknown): Call {
    const named = namedIn(api, request, this.#topicName);
    const met = this.#rules.filter(({ rule }) => {
      if (rule.api !== api || (rule.nodeId !== undefined && rule.nodeId !== nodeId)) return false;
      if (rule.on !== undefined && !named.some((each) => isOn(each, rule.on))) return false;
      return rule.where === undefined || rule.where(request as never);
    });
    const rules = met.filter((each) => each.meets(() => this.#clock.random())).map(({ rule }) => rule);
    const call = { api, nodeId, clientId, request, rules };
    this.calls.push(call);
    return call;
  }

  /** The requests of this kind so far, oldest first. */
  requests<Name extends ApiName>(api: Name): RequestOf<Name>[] {
    return this.calls.filter((call) => call.api === api).map(({ request }) => request as RequestOf<Name>);
  }
}

/** Whether a rule keeps the broker from doing what this part of the request asks for. */
export function isKept({ rules }: Call, at: Place, about: About = {}): boolean {
  return rules.some(
    ({ does, on }) => does.kind === 'error' && does.at === at && does.effect !== 'done' && isOn(about, on),
  );
}

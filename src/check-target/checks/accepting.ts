import {
  type Answered,
  answeredDelivery,
  answerText,
  proxyLogin,
  wantedScheme,
} from '../../adapters/http-delivery/index.ts';
import { ACCEPTED, type Check, SHOWN } from '../check.ts';
import { type FaultCode, type Finding, fault, notChecked, pass } from '../faults.ts';
import { type Answer, describe, field, isOk } from '../http-client.ts';
import type { OptionNames } from '../option-names.ts';
import { differenceOf, type Probe, unexpected } from '../probe.ts';
import { seenOf } from '../rule-hints.ts';

/** Checks that the target takes a state and shows it, and which other bodies and headers it takes. */
export const acceptingChecks: readonly Check[] = [
  {
    name: ACCEPTED,
    needs: [],
    async run(probe) {
      const answer = await probe.deliver(probe.state('first', 1), { id: firstId(probe) });
      if (!isOk(answer)) return refusalOf(answer, probe);
      const doubt = doubtOf(answer.json ?? answerText(answer.body));
      return doubt === null
        ? pass(`${answer.status} in ${answer.latencyMs} ms`)
        : fault(doubt, describe(answer));
    },
  },
  { name: SHOWN, needs: [ACCEPTED], run: checkShown },
  {
    name: 'answer_named',
    needs: [ACCEPTED],
    async run(probe) {
      const named = new Set<Answered>();
      for (const version of [1, 2]) {
        const id = probe.newDeliveryId();
        const answer = await probe.deliver(probe.state('answer-named', version), { id });
        if (!isOk(answer)) return fault('state_refused', describe(answer));
        named.add(answeredDelivery(answerText(answer.body), id));
      }
      if (named.has('another')) {
        return fault('delivery_id_wrong', 'delivery_id in the answer is not the webhook-id of the request');
      }
      return pass(
        named.has('this') ? 'by the right delivery_id' : 'no delivery_id in the answer, which is allowed',
      );
    },
  },
  {
    name: 'extra_fields',
    needs: [ACCEPTED],
    async run(probe) {
      const state = { ...probe.state('extra-fields', 1), added_later: { by: ['a', 1, null] }, note: '' };
      const answer = await probe.deliver(state);
      return isOk(answer)
        ? pass(`${answer.status} with two unknown fields`)
        : fault('extra_fields_refused', describe(answer));
    },
  },
  { name: 'garbage', needs: [ACCEPTED], run: checkGarbage },
  {
    name: 'idempotency_key',
    needs: [ACCEPTED],
    async run(probe) {
      const state = probe.state('bare-key', 1);
      const id = probe.newDeliveryId();
      const bare = await probe.deliver(state, { id, idempotencyKey: 'bare' });
      if (!isOk(bare)) return fault('idempotency_key_bare_refused', describe(bare));
      // The check of duplicates judges whether the repetition is refused.
      const quoted = await probe.deliver(state, { id, idempotencyKey: 'quoted' });
      return field(bare.json, 'duplicate') === false && field(quoted.json, 'duplicate') === false
        ? fault('idempotency_key_form_counts', 'first bare, then quoted: both receipts say duplicate: false')
        : pass('2xx with the key bare as well as quoted');
    },
  },
];

/** Words by which answers of other systems say that a request has failed, whatever their status is. */
const FAILED = /^(?:error|err|fail|failed|failure|fault|unauthorized|rejected)$/i;

/** What the body of a successful answer says against its success. Null if it says nothing of that. */
function doubtOf(body: unknown): FaultCode | null {
  if (typeof body === 'string') {
    if (/^\s*<(?:!doctype html|html)\b/i.test(body)) return 'success_is_page';
    return /^\s*<[\s\S]*<(?:\w+:)?Fault\b/.test(body) ? 'success_says_failure' : null;
  }
  if (typeof body !== 'object' || body === null) return null;
  const { success, ok, status, result } = body as Record<string, unknown>;
  const hasFailed =
    [success, ok].includes(false) ||
    [status, result].some((word) => typeof word === 'string' && FAILED.test(word)) ||
    (typeof status === 'number' && status >= 400 && status < 600);
  return hasFailed ? 'success_says_failure' : null;
}

const firstId = (probe: Probe) => `msg_${probe.prefix}first`;

/** Tells what a target wants that refuses the first state. */
function refusalOf(answer: Answer, { client, keys, optionNames: names }: Probe): Finding {
  const { status } = answer;
  const seen = describe(answer);
  if (status === 407 || (client.isProxied && PROXY_STATUSES.has(status))) {
    const remedy = `look at ${names.proxy}, or except the host by ${names.noProxy}`;
    const login = status === 407 ? `, ${proxyLogin(client.hasProxyLogin)}` : '';
    return fault('proxy_in_the_way', `${seen}, perhaps by a proxy${login}: ${remedy}`);
  }
  if (status === 400 && /HTTP request (?:was sent )?to (?:an )?HTTPS/i.test(seen))
    return fault('state_refused', `${seen}: it speaks TLS, so ${names.url} has to begin with https`);
  if (status === 403 && /csrf/i.test(seen))
    return fault(
      'state_refused',
      `${seen}: except the path from that check at the target, since states come from no browser`,
    );
  if (status === 403 && doubtOf(answerText(answer.body)) === 'success_is_page')
    return fault(
      'state_refused',
      `${seen}: that is a page, perhaps of a gateway or a firewall in front of the target`,
    );
  if (status === 400 && /ssl certificate/i.test(seen))
    return fault('client_certificate_wanted', `${seen}: set ${names.certFile}`);
  if (status === 401 || status === 403) {
    const wish = wishOf(answer, names);
    if (wish !== null) return fault('authorization_wanted', `${seen}${wish}`);
    return keys.length === 0
      ? fault('secret_wanted', `${seen}, and ${names.secret} is not set`)
      : fault('right_signature_refused', seen);
  }
  const allow = [answer.headers.allow ?? []].flat().join(', ');
  if (status === 405 && allow !== '' && !/\bPOST\b/i.test(allow))
    return fault(
      'state_refused',
      `${seen}: it takes ${SHORT.exec(allow)?.[0]} there, and states come by POST`,
    );
  if (status === 404 || status === 405)
    return fault(
      'state_refused',
      `${seen}: look at the path of ${names.url}, also whether it ends with a slash`,
    );
  if (status === 400 || status === 415 || status === 422)
    return fault('state_refused', `${seen}; if it wants another body, set ${names.body}`);
  return fault('state_refused', seen);
}

/** Statuses by which a proxy says that it does not send a request on, or could not. */
const PROXY_STATUSES: ReadonlySet<number> = new Set([403, 502, 503, 504]);

/** The methods of a header, and no more than fits on a line. */
const SHORT = /^[A-Za-z, ]{1,60}/;

/** Schemes whose credentials no fixed header can hold. */
const COMPUTED_SCHEMES: ReadonlySet<string> = new Set([
  'digest',
  'negotiate',
  'ntlm',
  'hawk',
  'aws4-hmac-sha256',
]);

/** Which authorization the target wants, and the option that gives it. Null if the answer says nothing of that. */
function wishOf(answer: Answer, names: OptionNames): string | null {
  const scheme = wantedScheme(answer.headers);
  if (scheme === 'bearer') return `, it wants Bearer: set ${names.apiKey}, or ${names.oauth}`;
  if (scheme === 'basic') return `, it wants Basic: write user and password into ${names.url}`;
  if (scheme !== null && COMPUTED_SCHEMES.has(scheme))
    return `, it wants ${scheme}, which is computed for each request, as no setting can: put a proxy in front that does`;
  if (scheme !== null) return `, it wants ${scheme}: set ${names.headers}`;
  if (/(?:key|token)\b.*\bquery|query\b.*(?:key|token)\b/i.test(describe(answer)))
    return `: write the key into the query of ${names.url}`;
  return /api.?key|subscription.?key|access.?token/i.test(describe(answer))
    ? `: set ${names.apiKey}, and ${names.apiKeyHeader} if the key belongs into another header than Authorization`
    : null;
}

async function checkShown(probe: Probe): Promise<Finding> {
  const state = probe.state('first', 1);
  const { kind, answer } = await probe.firstLook(state);
  switch (kind) {
    case 'late':
      return fault('stored_after_answer', 'GET found the order only some time after 2xx was answered');
    case 'absent':
      return probe.mustShow
        ? fault('not_stored', 'GET does not find the order that was answered with 2xx')
        : notChecked(
            `GET URL/<id> answers 404: there is no read side (if there is one, add ${probe.optionNames.mustShow})`,
          );
    case 'other':
      if (answer.status === 401 || answer.status === 403) {
        return notChecked(
          `GET URL/<id> is refused (set ${probe.optionNames.apiKey} to a key that may read): ${describe(answer)}`,
        );
      }
      return notChecked(
        probe.hasOwnBody
          ? `what GET URL/<id> shows is compared for the row of an order alone: ${describe(answer)}`
          : `GET URL/<id> does not show a row with its version: ${describe(answer)}`,
      );
    case 'shown': {
      const difference = differenceOf(await probe.held(state.order_id), state);
      return difference === null ? pass('GET shows the state as sent') : fault('state_differs', difference);
    }
  }
}

/** Sends bodies that are no states. Each has a right signature, so that the target judges the body. */
async function checkGarbage(probe: Probe): Promise<Finding> {
  const state = JSON.stringify(probe.state('garbage', 1));
  const bodies: readonly (readonly [what: string, body: Buffer])[] = [
    ['no JSON', Buffer.from('order_id=1')],
    ['JSON that ends halfway', Buffer.from(state.slice(0, -9))],
    ['an empty body', Buffer.alloc(0)],
    ['an array', Buffer.from(`[${state}]`)],
    ['null', Buffer.from('null')],
    ['a number as order_id', Buffer.from(state.replace(/"order_id":"[^"]*"/, '"order_id":7'))],
    ['a text as version', Buffer.from(state.replace('"version":1', '"version":"one"'))],
    ['bytes that are no UTF-8', Buffer.from(state.replace('garbage', 'garbage\u00ff'), 'latin1')],
  ];
  for (const [what, body] of bodies) {
    const answer = await probe.send(body);
    probe.statusesOfGarbage.add(answer.status);
    if (isOk(answer)) return fault('garbage_accepted', `${what}: ${seenOf(answer, probe)}`);
    if (answer.status >= 500) return fault('garbage_fails', unexpected(answer, what));
  }
  return pass(`4xx to ${bodies.length} kinds of bodies that are no state`);
}

import { describe, expect, it } from 'vitest';
import { entityWords } from '../../../src/core/entity-words.ts';
import { orders } from '../../../src/orders/index.ts';
import { FailureLines, tellOfDead } from '../../../src/pipeline/deliver/failure-lines.ts';
import { targetWords } from '../../../src/pipeline/deliver/target-words.ts';
import type { DeliverySettlement } from '../../../src/ports/delivery-claims.ts';
import type { DeliveryOutcome } from '../../../src/ports/delivery-target.ts';

const REDIRECTED: DeliveryOutcome = {
  verdict: 'retry',
  status: 307,
  latencyMs: 1,
  answer: '',
  error:
    'http://target answered 307 Temporary Redirect to http://target/orders/; redirects are not followed.',
  retryAfterMs: null,
  advice: 'Set ORDER_SYNC_TARGET_URL to where the target is.',
};
const ORDER = { entityId: 'order123', version: 2, attempt: 1 };

function setUp(words = entityWords(orders)) {
  let nowMs = 1_000_000;
  const logged: string[] = [];
  const clock = { monotonicMs: () => nowMs };
  const logger = (level: string, message: string, fields: object = {}) =>
    logged.push(`${level}: ${message} ${JSON.stringify(fields)}`);
  const lines = new FailureLines('order-mgt', clock, logger, words);
  return { lines, logged, pass: (ms: number) => (nowMs += ms), now: () => nowMs };
}

describe('the line on a target that takes nothing', () => {
  it('names the entity by the words of its domain', () => {
    const failure = { hasAccepted: false, failingSinceMs: null };
    const said = (words: ReturnType<typeof entityWords>) => {
      const { lines, logged } = setUp(words);
      lines.failed(ORDER, REDIRECTED, failure, true);
      return logged[0];
    };
    expect(said(entityWords({ noun: 'article' }))).toMatch(
      /\(article "order123" version 2, attempt 1\) \{"entityId":"order123"\}$/,
    );
    expect(said(entityWords(orders))).toMatch(/\(order "order123" .*\{"orderId":"order123"\}$/);
  });

  it('the line comes at the first failure, with the order, the answer, the place of a redirect and the setting', () => {
    const { lines, logged } = setUp();
    lines.failed(ORDER, REDIRECTED, { hasAccepted: false, failingSinceMs: null }, true);
    expect(logged).toEqual([
      'warn: Deliveries to order-mgt: it has not taken any state yet. http://target answered 307 Temporary Redirect to ' +
        'http://target/orders/; redirects are not followed. Set ORDER_SYNC_TARGET_URL to where the target is. ' +
        '(order "order123" version 2, attempt 1) {"orderId":"order123"}',
    ]);
  });

  it('the line comes ten times in ten minutes if an attempt fails each second', () => {
    const { lines, logged, pass, now } = setUp();
    const failingSinceMs = now();
    for (let second = 0; second < 600; second++) {
      lines.failed(ORDER, REDIRECTED, { hasAccepted: false, failingSinceMs }, true);
      pass(1_000);
    }
    expect(logged).toHaveLength(10);
  });

  it('the line comes after 15 s without success if the target accepted states before', () => {
    const { lines, logged, pass, now } = setUp();
    const failingSinceMs = now();
    lines.failed(ORDER, REDIRECTED, { hasAccepted: true, failingSinceMs: null }, true);
    pass(14_999);
    lines.failed(ORDER, REDIRECTED, { hasAccepted: true, failingSinceMs }, true);
    expect(logged).toEqual([]);
    pass(1);
    lines.failed(ORDER, REDIRECTED, { hasAccepted: true, failingSinceMs }, true);
    expect(logged).toEqual([
      expect.stringContaining('it has taken no state for 15 s. http://target answered 307'),
    ]);
  });
});

describe('the line of the breaker', () => {
  it('the line on a failure is left out where the line of the breaker says it', () => {
    const { lines, logged } = setUp();
    lines.failed(ORDER, REDIRECTED, { hasAccepted: false, failingSinceMs: null }, false);
    expect(logged).toEqual([]);
  });
});

describe('the line on dead deliveries', () => {
  function dead(entityId: string, answer = ''): DeliverySettlement {
    return {
      delivery: {
        ...{ target: 'order-mgt', entityId, version: 3, row: [], attempt: 2, isRetry: true },
        ...{ claimant: 'c', dueSinceMs: 0, deliveryNumber: null },
      },
      ...{ deliveryId: `msg_${entityId}`, attemptedAtMs: 0, verdict: 'park', status: 422, latencyMs: 1 },
      ...{ answer, error: 'http://target answered 422.', next: 'dead' },
    };
  }
  function lineOf(...settlements: DeliverySettlement[]): string {
    const logged: string[] = [];
    tellOfDead((level, message) => logged.push(`${level}: ${message}`), settlements, entityWords(orders));
    return logged.join('\n');
  }

  it('the line names the order and the reason that the target gave', () => {
    expect(lineOf(dead('order123', '{"title":"Invalid","detail":"status is not one of ours"}'))).toBe(
      'warn: The delivery of order "order123" version 3 to order-mgt is dead after 2 attempts: http://target answered 422. ' +
        'It said: "status is not one of ours". List them with "order-sync dead-letters", and make them due again with ' +
        '"order-sync redrive".',
    );
  });

  it('one line names five of twelve dead orders, and counts the rest', () => {
    const line = lineOf(...Array.from({ length: 12 }, (_, index) => dead(`o${index}`)));
    expect(line).toContain('The delivery of order "o0" version 3');
    expect(line).toContain(
      'Dead with it: order "o1" version 3; order "o2" version 3; order "o3" version 3; order "o4" version 3; 7 more.',
    );
    expect(line.split('\n')).toHaveLength(1);
  });

  it('an id cannot forge a log line', () => {
    expect(lineOf(dead('a\n{"level":"fatal"}\u202e'))).toContain(
      'order "a\\n{\\"level\\":\\"fatal\\"}\\u202e"',
    );
  });

  it('no line is written without dead deliveries', () => {
    expect(lineOf()).toBe('');
  });
});

describe("a target's own words", () => {
  it.each([
    ['{"type":"about:blank","title":"Bad","detail":"no such customer","code":"x"}', 'no such customer'],
    ['{"title":"Bad Request"}', 'Bad Request'],
    ['{"message":"no"}', 'no'],
    ['{"error":{"message":"deep"}}', 'deep'],
    ['{"code":7}', '{"code":7}'],
    ['{"detail":"it was cut o', '{"detail":"it was cut o'],
    ['plain   text\n over lines', 'plain text over lines'],
    ['<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>', '502 Bad Gateway'],
    ['<html><body>x</body></html>', null],
    ['', null],
    ['x'.repeat(500), `${'x'.repeat(200)}…`],
  ])('the words in %j are %j', (answer, words) => {
    expect(targetWords(answer)).toBe(words);
  });

  it.each([
    'wrong token: abc123def',
    'Authorization: Bearer abc123def was refused',
    '{"detail":"api_key=abc123def is unknown"}',
    'password "abc123def"? no: password=abc123def',
    '{"x":1,"client_secret": "abc123def"}',
  ])('the words hold no secret where the target quotes one: %s', (answer) => {
    const words = targetWords(answer.replace('"abc123def"? no: ', ''));
    expect(words).not.toBeNull();
    expect(words).not.toContain('abc123def');
  });
});

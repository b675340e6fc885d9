import { describe, expect, it } from 'vitest';
import { parseVerdictRules, verdictByRules } from '../../src/core/verdict-rules.ts';

describe('rules of verdicts', () => {
  it('the rule for a status counts before the one for its class', () => {
    const rules = parseVerdictRules(' 409=delivered, 404 = retry,5xx=throttle,500=park,4XX=PARK,');
    expect([409, 404, 500, 503, 422, 200, 302].map((status) => verdictByRules(rules, status))).toEqual([
      'delivered',
      'retry',
      'park',
      'throttle',
      'park',
      null,
      null,
    ]);
  });

  it.each([
    ['409', /"409" is no rule/],
    ['409=ok', /one of delivered, retry, throttle, park, disable/],
    ['99=retry', /"99=retry" is no rule/],
    ['600=retry', /is no rule/],
    ['1xx=retry', /is no rule/],
    ['40x=retry', /is no rule/],
    ['409=delivered=retry', /is no rule/],
    ['409=delivered,409=retry', /409 has two rules/],
    ['2xx=park', /would deliver nothing/],
    ['4xx=delivered', /would lose states when a key or a path is wrong/],
    ['500=delivered', /would lose states while the target or a proxy is broken/],
    ['5xx=delivered', /would lose states while/],
    ['302=delivered', /a redirect has not taken them/],
    ['401=delivered', /did not look at them/],
    ['429=delivered', /did not look at them/],
  ])('refuses %s', (text, message) => {
    expect(() => parseVerdictRules(text)).toThrow(message);
  });
});

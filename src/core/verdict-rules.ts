/** What a rule may say of an answer. */
export const RULE_VERDICTS = ['delivered', 'retry', 'throttle', 'park', 'disable'] as const;
export type RuleVerdict = (typeof RULE_VERDICTS)[number];

/** Verdicts by status. A rule for a single status counts before the one for its class. */
export interface VerdictRules {
  readonly byStatus: ReadonlyMap<number, RuleVerdict>;
  /** By the first digit of the status. */
  readonly byClass: ReadonlyMap<number, RuleVerdict>;
}

/** Statuses of an answer that does not tell whether the state has arrived, or that says it has not. */
const NEVER_DELIVERED: ReadonlySet<number> = new Set([401, 403, 405, 407, 408, 425, 429]);

/**
 * Reads rules such as `409=delivered,404=retry,5xx=throttle`. Throws an `Error` that says what is wrong, also for a rule that
 * would lose states or deliver none.
 */
export function parseVerdictRules(text: string): VerdictRules {
  const byStatus = new Map<number, RuleVerdict>();
  const byClass = new Map<number, RuleVerdict>();
  for (const item of text.split(',').map((each) => each.trim())) {
    if (item === '') continue;
    const [, given = '', word = ''] = /^([^=]*?)\s*=\s*(.*)$/.exec(item) ?? [];
    const what = given.toLowerCase();
    const verdict = RULE_VERDICTS.find((each) => each === word.toLowerCase());
    if (!/^([2-5]xx|[2-5]\d\d)$/.test(what) || verdict === undefined) {
      throw new Error(
        `${JSON.stringify(item)} is no rule: give a status from 200 to 599 or a class such as 5xx, = and one of ` +
          `${RULE_VERDICTS.join(', ')}, several between commas, as in 409=delivered,404=retry`,
      );
    }
    const fault = faultOf(what, verdict);
    if (fault !== null) throw new Error(`${JSON.stringify(item)} ${fault}`);
    const [rules, key] = what.endsWith('xx') ? [byClass, Number(what[0])] : [byStatus, Number(what)];
    if (rules.has(key)) throw new Error(`${what} has two rules: keep one of them`);
    rules.set(key, verdict);
  }
  return { byStatus, byClass };
}

/** The verdict of the rules; null if none says anything of this status. */
export function verdictByRules({ byStatus, byClass }: VerdictRules, status: number): RuleVerdict | null {
  return byStatus.get(status) ?? byClass.get(Math.floor(status / 100)) ?? null;
}

function faultOf(what: string, verdict: RuleVerdict): string | null {
  if (what === '2xx' && verdict !== 'delivered')
    return 'would deliver nothing: name the single status that does not mean success';
  if (verdict !== 'delivered') return null;
  if (what === '4xx') return 'would lose states when a key or a path is wrong: name the single status';
  if (what.startsWith('3'))
    return 'would lose states: a redirect has not taken them, so correct ORDER_SYNC_TARGET_URL';
  if (what.startsWith('5')) return 'would lose states while the target or a proxy is broken';
  if (NEVER_DELIVERED.has(Number(what)))
    return 'would lose states: by this status the target says that it did not look at them';
  return null;
}

import { ACCEPTED, type Check, SHOWN } from '../check.ts';
import { type Finding, fault, notChecked, pass } from '../faults.ts';
import { type Answer, describe, field, isOk } from '../http-client.ts';
import { differenceOf, type Probe, unexpected } from '../probe.ts';
import { deliveredHint, isTakenByRule } from '../rule-hints.ts';

const DUPLICATE = 'duplicate';
const HELD = 'that the target has the state';

/** Checks what the target does with a delivery id that comes again. Every id may come again, because any answer may be lost. */
export const repetitionChecks: readonly Check[] = [
  { name: DUPLICATE, needs: [ACCEPTED, SHOWN], run: checkDuplicate },
  { name: 'duplicate_after_newer', needs: [ACCEPTED, SHOWN, DUPLICATE], run: checkLateDuplicate },
  { name: 'duplicates_at_once', needs: [ACCEPTED, SHOWN, DUPLICATE], run: checkDuplicatesAtOnce },
  {
    name: 'payload_changed',
    needs: [ACCEPTED, SHOWN, DUPLICATE],
    async run(probe) {
      const state = probe.state('payload', 1);
      const id = probe.newDeliveryId();
      const first = await probe.deliver(state, { id });
      if (!isOk(first)) return fault('state_refused', describe(first));
      const answer = await probe.deliver(probe.changed(state), { id });
      if (isOk(answer) && !isTakenByRule(answer)) return fault('payload_change_accepted', describe(answer));
      if (answer.status >= 500) return fault('payload_change_fails', describe(answer));
      const difference = differenceOf(await probe.held(state.order_id), state);
      if (difference !== null)
        return fault('payload_change_accepted', `${answer.status}, and yet ${difference}`);
      return answer.status === 422 || isTakenByRule(answer)
        ? pass(`${answer.status}, and the first payload stays`)
        : fault('payload_change_not_422', describe(answer));
    },
  },
];

async function checkDuplicate(probe: Probe): Promise<Finding> {
  const state = probe.state('duplicate', 1);
  const id = probe.newDeliveryId();
  const first = await probe.deliver(state, { id });
  if (!isOk(first)) return fault('state_refused', describe(first));
  const before = await probe.whole(state.order_id);
  // A read side may show the time of day. An answer that changes by itself shows nothing about the effect.
  const isStill = before !== null && before === (await probe.whole(state.order_id));
  const second = await probe.deliver(state, { id });
  if (second.status >= 500) return fault('duplicate_fails', unexpected(second, 'the second time'));
  if (!isOk(second)) {
    const seen = unexpected(second, 'the second time');
    return fault('duplicate_refused', seen + deliveredHint(second.status, HELD, probe));
  }
  if (isCountedTwice([first, second])) {
    return fault('duplicate_applied_twice', 'the receipt says duplicate: false both times');
  }
  if (isStill && (await probe.whole(state.order_id)) !== before) {
    return fault('duplicate_applied_twice', 'GET shows something else after the second time');
  }
  const held = await probe.held(state.order_id, second);
  const difference = differenceOf(held, state);
  if (difference !== null) return fault('not_stored', difference);
  if (field(second.json, 'duplicate') === true)
    return pass(`${second.status}, and the receipt says duplicate: true`);
  return isStill
    ? pass(`${second.status}, and GET shows the same as before`)
    : notChecked(`${second.status} both times; neither GET nor a receipt says how often it took effect`);
}

/** Whether more than one receipt of the same delivery says `duplicate: false`. */
function isCountedTwice(answers: readonly Answer[]): boolean {
  return answers.filter(({ json }) => field(json, 'duplicate') === false).length > 1;
}

async function checkLateDuplicate(probe: Probe): Promise<Finding> {
  const [old, newer] = [probe.state('late-duplicate', 1), probe.state('late-duplicate', 2)];
  const id = probe.newDeliveryId();
  for (const [state, form] of [[old, { id }] as const, [newer, {}] as const]) {
    const answer = await probe.deliver(state, form);
    if (!isOk(answer)) return fault('state_refused', unexpected(answer, `version ${state.version}`));
  }
  const again = await probe.deliver(old, { id });
  if (again.status >= 500) return fault('duplicate_fails', describe(again));
  if (!isOk(again))
    return fault('duplicate_refused', describe(again) + deliveredHint(again.status, HELD, probe));
  const held = await probe.held(old.order_id, again);
  const difference = differenceOf(held, newer);
  if (difference !== null) return fault('duplicate_undid_newer', difference);
  return held.kind === 'seen'
    ? pass(`${again.status}, and the newer version stays`)
    : notChecked(`${again.status}; which version is held cannot be seen`);
}

async function checkDuplicatesAtOnce(probe: Probe): Promise<Finding> {
  const AT_ONCE = 4;
  const state = probe.state('at-once', 1);
  const id = probe.newDeliveryId();
  const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => probe.deliver(state, { id })));
  const failed = answers.find((answer) => !isOk(answer) && answer.status !== 409);
  if (failed !== undefined)
    return fault('duplicates_at_once_fail', describe(failed) + deliveredHint(failed.status, HELD, probe));
  if (!answers.some(isOk)) return fault('duplicates_at_once_fail', 'all of them were answered with 409');
  if (isCountedTwice(answers)) {
    return fault('duplicate_applied_twice', `of ${AT_ONCE} at once, several receipts say duplicate: false`);
  }
  const difference = differenceOf(await probe.held(state.order_id), state);
  return difference === null
    ? pass(`${AT_ONCE} at once: ${answers.map(({ status }) => status).join(', ')}`)
    : fault('not_stored', difference);
}

import { ACCEPTED, type Check } from '../check.ts';
import { type FaultCode, type Finding, fault, pass } from '../faults.ts';
import { describe, isOk } from '../http-client.ts';
import { type Form, type Probe, type State, unexpected } from '../probe.ts';
import { seenOf } from '../rule-hints.ts';

/** The shift of a wrong timestamp. Five minutes are allowed, and clocks usually differ by less than the other five. */
const TOO_FAR_SECONDS = 10 * 60;
const WRONG = 'signature_wrong';

/** Checks that the target takes only requests that a known secret has just signed. */
export const signatureChecks: readonly Check[] = [
  {
    name: WRONG,
    needs: [ACCEPTED],
    needsSecret: true,
    run: (probe) =>
      refuses(
        probe,
        probe.state('wrong-secret', 1),
        { signedBy: [probe.foreignKey] },
        'signature_wrong_accepted',
      ),
  },
  {
    name: 'signature_missing',
    needs: [ACCEPTED],
    needsSecret: true,
    run: (probe) =>
      refuses(probe, probe.state('unsigned', 1), { signedBy: 'nobody' }, 'signature_missing_accepted'),
  },
  {
    name: 'timestamp_old',
    needs: [ACCEPTED],
    needsSecret: true,
    run: (probe) =>
      refuses(
        probe,
        probe.state('old', 1),
        { timestampShiftSeconds: -TOO_FAR_SECONDS },
        'timestamp_old_accepted',
      ),
  },
  {
    name: 'timestamp_future',
    needs: [ACCEPTED],
    needsSecret: true,
    run: (probe) =>
      refuses(
        probe,
        probe.state('future', 1),
        { timestampShiftSeconds: TOO_FAR_SECONDS },
        'timestamp_future_accepted',
      ),
  },
  {
    name: 'body_changed',
    needs: [ACCEPTED, WRONG],
    needsSecret: true,
    run(probe) {
      const signed = probe.changed(probe.state('changed-body', 1));
      const bodySent = Buffer.from(JSON.stringify({ ...signed, ready_to_send: true }));
      return refuses(probe, signed, { bodySent }, 'body_changed_accepted');
    },
  },
  {
    name: 'signature_rotation',
    needs: [ACCEPTED],
    needsSecret: true,
    async run(probe) {
      for (const [name, signedBy] of [
        ['wrong one first', [probe.foreignKey, ...probe.keys]],
        ['right one first', [...probe.keys, probe.foreignKey]],
      ] as const) {
        const answer = await probe.deliver(probe.state(`rotation-${name.slice(0, 5)}`, 1), { signedBy });
        if (isOk(answer)) continue;
        await probe.mustStillBeLetIn();
        return fault('signature_rotation_refused', unexpected(answer, `two signatures, the ${name}`));
      }
      return pass('2xx if one of two signatures is right, whichever comes first');
    },
  },
];

async function refuses(probe: Probe, state: State, form: Form, accepted: FaultCode): Promise<Finding> {
  const answer = await probe.deliver(state, form);
  if (isOk(answer)) return fault(accepted, seenOf(answer, probe));
  if (answer.status >= 500) return fault('refusal_fails', describe(answer));
  if ((await probe.held(state.order_id)).kind === 'seen') {
    return fault('refused_but_stored', `${answer.status}, and GET shows the state all the same`);
  }
  if (answer.status !== 401 && answer.status !== 403) return fault('refusal_not_401', describe(answer));
  // The refusal has to be one of the signature, and not of a key that has expired meanwhile.
  await probe.mustStillBeLetIn();
  return pass(String(answer.status));
}

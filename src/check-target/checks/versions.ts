import { ACCEPTED, type Check, SHOWN } from '../check.ts';
import { type FaultCode, type Finding, fault, notChecked, pass } from '../faults.ts';
import { isOk } from '../http-client.ts';
import { differenceOf, type Probe, type State, unexpected } from '../probe.ts';
import { deliveredHint } from '../rule-hints.ts';

const OLDER = 'older_version';
const NEWER = 'that the target has a newer state';

/** Checks that the target keeps the state with the higher version, in whichever sequence two states come. */
export const versionChecks: readonly Check[] = [
  {
    name: OLDER,
    needs: [ACCEPTED, SHOWN],
    run: (probe) =>
      keepsFirst(probe, [probe.state('older', 3), probe.state('older', 2)], {
        won: 'older_version_won',
        refused: 'older_version_refused',
      }),
  },
  {
    name: 'equal_version',
    needs: [ACCEPTED, SHOWN, OLDER],
    run(probe) {
      const state = probe.state('equal', 2);
      return keepsFirst(probe, [state, probe.changed(state)], {
        won: 'equal_version_won',
        refused: 'equal_version_refused',
      });
    },
  },
  { name: 'versions_at_once', needs: [ACCEPTED, SHOWN, OLDER], run: checkVersionsAtOnce },
];

async function keepsFirst(
  probe: Probe,
  [kept, ignored]: readonly [State, State],
  codes: { readonly won: FaultCode; readonly refused: FaultCode },
): Promise<Finding> {
  const first = await probe.deliver(kept);
  if (!isOk(first)) {
    const seen = unexpected(first, `version ${kept.version} of a new order`);
    return fault('state_refused', `${seen}; the first state of an order that arrives need not be version 1`);
  }
  const second = await probe.deliver(ignored);
  const what = `version ${ignored.version} after version ${kept.version}`;
  if (!isOk(second)) {
    const seen = unexpected(second, what);
    return fault(codes.refused, `${seen}${deliveredHint(second.status, NEWER, probe)}`);
  }
  const held = await probe.held(kept.order_id, second);
  const difference = differenceOf(held, kept);
  if (difference !== null) return fault(codes.won, `${what}: ${difference}`);
  return held.kind === 'seen' && (held.state !== null || kept.version !== ignored.version)
    ? pass(`${second.status}, and the first one stays, by ${held.by}`)
    : notChecked(`${second.status}; which of the two is held cannot be seen`);
}

/** Sends two versions at once, in several rounds, since a race is not lost each time. Every other round sends the higher version first. */
async function checkVersionsAtOnce(probe: Probe): Promise<Finding> {
  const ROUNDS = 6;
  let isSeen = true;
  for (let round = 1; round <= ROUNDS; round++) {
    const name = `versions-at-once-${round}`;
    const states = [probe.state(name, 2), probe.state(name, 3)];
    const higher = states[1] as State;
    if (round % 2 === 0) states.reverse();
    const answers = await Promise.all(states.map((state) => probe.deliver(state)));
    const refused = answers.find((answer) => !isOk(answer));
    if (refused !== undefined) {
      const seen = unexpected(refused, `round ${round}`);
      return fault('versions_at_once_refused', seen + deliveredHint(refused.status, NEWER, probe));
    }
    const held = await probe.held(higher.order_id);
    const difference = differenceOf(held, higher);
    if (difference !== null) return fault('versions_at_once_lower_won', `round ${round}: ${difference}`);
    isSeen &&= held.kind === 'seen';
  }
  return isSeen
    ? pass(`in ${ROUNDS} rounds the higher version was held in the end`)
    : notChecked('2xx to both; which of the two is held cannot be seen');
}

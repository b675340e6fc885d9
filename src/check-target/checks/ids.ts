import { ACCEPTED, type Check, SHOWN } from '../check.ts';
import { type Finding, fault, notChecked, pass } from '../faults.ts';
import { isOk } from '../http-client.ts';
import { differenceOf, type Probe, type State, unexpected } from '../probe.ts';
import { isListed } from './reconciliation.ts';

const ID_BYTES_MAX = 255;

/** Checks that the target treats ids as opaque bytes. */
export const idChecks: readonly Check[] = [
  {
    name: 'ids_special',
    needs: [ACCEPTED, SHOWN],
    run: (probe) =>
      keepsIds(probe, [
        '\u{1f69a} \u{1f44d}\u{1f3fd}',
        'a blank  and two',
        'slash/and\\backslash',
        '100%25?x=1&y=2#z',
        `"quoted" 'twice'; <b>`,
        '\u0391\u03a9 \u05d0\u05d1 \u4e2d\u6587',
        '=1+1',
      ]),
  },
  {
    name: 'id_of_255_bytes',
    needs: [ACCEPTED, SHOWN],
    run(probe) {
      const room = ID_BYTES_MAX - Buffer.byteLength(probe.prefix);
      const wide = '\u{1f69a}'.repeat(Math.floor(room / 4)) + 'y'.repeat(room % 4);
      return keepsIds(probe, ['x'.repeat(room), wide]);
    },
  },
  { name: 'ids_distinct', needs: [ACCEPTED, SHOWN], run: checkDistinct },
];

async function keepsIds(probe: Probe, names: readonly string[]): Promise<Finding> {
  let isSeen = true;
  for (const name of names) {
    const state = probe.state(name, 1);
    const answer = await probe.deliver(state);
    const id = JSON.stringify(name.length > 40 ? `${name.slice(0, 20)}...` : name);
    if (!isOk(answer)) return fault('id_refused', unexpected(answer, `an id that ends in ${id}`));
    const held = await probe.held(state.order_id);
    const difference = differenceOf(held, state);
    if (difference !== null) {
      const isKept = held.kind === 'absent' && (await isListed(probe, state.order_id));
      const what = isKept ? `${difference}, and the list has it` : difference;
      return fault(isKept ? 'path_changed' : 'id_changed', `an id that ends in ${id}: ${what}`);
    }
    isSeen &&= held.kind === 'seen';
  }
  return isSeen
    ? pass(`${names.length} kinds of ids are taken, and shown as sent`)
    : pass(`${names.length} kinds of ids are taken; whether they are kept as sent cannot be seen`);
}

/**
 * Sends groups of ids that a careless comparison takes for equal, with falling versions. If the target takes two of them for
 * one order, it ignores the later state as older, and GET or the receipt shows that.
 */
async function checkDistinct(probe: Probe): Promise<Finding> {
  const groups: readonly (readonly string[])[] = [
    ['A1', 'a1', 'A1 '],
    ['\u00e9', 'e\u0301', 'e'],
    ['\u00df', 'ss'],
    ['z\u200bz', 'zz'],
  ];
  let isSeen = true;
  for (const group of groups) {
    const states = group.map((name, index) => probe.state(`like-${name}`, group.length - index));
    for (const state of states) {
      const answer = await probe.deliver(state);
      if (!isOk(answer)) return fault('id_refused', unexpected(answer, idIn(state)));
      const held = await probe.held(state.order_id, answer);
      const difference = differenceOf(held, state);
      if (difference !== null) return fault('ids_confused', `${idIn(state)}: ${difference}`);
      isSeen &&= held.kind === 'seen';
    }
    // Looks at the first order again, because the later ones may have overwritten it.
    const first = states[0] as State;
    const difference = differenceOf(await probe.held(first.order_id), first);
    if (difference !== null) return fault('ids_confused', `${idIn(first)}: ${difference}`);
  }
  return isSeen
    ? pass('case, blanks and normal forms make different orders')
    : notChecked('2xx to all; whether they are different orders cannot be seen');
}

const idIn = (state: State) => JSON.stringify(state.order_id.replace(/^.*-like-/s, ''));

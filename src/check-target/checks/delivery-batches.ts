import { hash } from 'node:crypto';
import { ACCEPTED, type Check, SHOWN } from '../check.ts';
import { type Finding, fault, notChecked, pass } from '../faults.ts';
import { type Answer, describe, field, isOk } from '../http-client.ts';
import { differenceOf, type Form, type Probe, type State, unexpected } from '../probe.ts';

interface Member {
  readonly id: string;
  readonly state: State;
  /** The kind of the member, for sentences. */
  readonly what: string;
  /** Whether the target has to refuse it, with 422. */
  readonly isBad?: boolean;
  /** The state that the target has to hold afterwards. */
  readonly heldAfter: State;
}

interface Offer {
  readonly statesMax: number;
  readonly path: string;
}

const OFFERED = 'batch_announced';
const VERDICTS = 'batch_verdicts';

/** Checks delivery batches, if the target announces them. */
export const deliveryBatchChecks: readonly Check[] = [
  {
    name: OFFERED,
    needs: [ACCEPTED],
    async run({ announcement }) {
      if (announcement === null) return notChecked('not offered: no answer has the header webhook-batch');
      const offer = offerIn(announcement);
      return offer === null
        ? fault('batch_announcement_invalid', `webhook-batch: ${announcement}`)
        : pass(`at most ${offer.statesMax} states to ${offer.path}`);
    },
  },
  {
    name: VERDICTS,
    needs: [ACCEPTED, SHOWN, OFFERED],
    run: (probe) => withOffer(probe, async (offer) => judge(probe, offer, newMembers(probe, offer))),
  },
  {
    name: 'batch_mixed',
    needs: [ACCEPTED, SHOWN, OFFERED, VERDICTS, 'duplicate', 'payload_changed', 'older_version'],
    run: (probe) =>
      withOffer(probe, async (offer) => {
        if (offer.statesMax < 2) return notChecked('at most one state is taken in a batch');
        return judge(probe, offer, (await mixedMembers(probe)).slice(0, offer.statesMax));
      }),
  },
  {
    name: 'batch_signature',
    needs: [ACCEPTED, SHOWN, OFFERED, VERDICTS, 'signature_wrong'],
    needsSecret: true,
    run: (probe) =>
      withOffer(probe, async (offer) => {
        const form = { signedBy: [probe.foreignKey] };
        const answer = await sendDeliveryBatch(probe, offer, [newMember(probe, 'batch-wrong-secret')], form);
        if (isOk(answer)) return fault('batch_signature_wrong_accepted', describe(answer));
        return answer.status >= 500
          ? fault('refusal_fails', describe(answer))
          : pass(`${answer.status} to a batch that was signed by another secret`);
      }),
  },
];

/**
 * Reads the header `webhook-batch`: an item of HTTP's structured fields, an integer with the parameter `path`. Null if it is
 * malformed. Source: RFC 8941, 3.3.
 */
export function offerIn(header: string): Offer | null {
  const match = /^ *(\d{1,15})((?: *; *[a-z*][a-z0-9_.*-]*(?:=(?:"(?:[^"\\]|\\["\\])*"|[^ ;"]+))?)*) *$/.exec(
    header,
  );
  const path = /; *path="((?:[^"\\]|\\["\\])*)"/.exec(match?.[2] ?? '')?.[1]?.replace(/\\(["\\])/g, '$1');
  const statesMax = Number(match?.[1] ?? 0);
  // Two slashes at the beginning would name another host.
  if (statesMax < 1 || path === undefined || !/^(?!\/\/|[a-z][a-z0-9+.-]*:)[\x21-\x7e]+$/i.test(path))
    return null;
  return { statesMax, path };
}

/** The path on the target's host. A path without a slash at its beginning is below the target's URL. */
export function pathOf({ path }: Offer, url: URL): string {
  if (path.startsWith('/')) return path;
  const below = `${url.pathname.replace(/\/$/, '')}/${path}`;
  return path.includes('?') ? below : `${below}${url.search}`;
}

/** Whether the path may lead elsewhere, because a proxy strips a prefix. */
function isOutsidePrefix({ path }: Offer, { pathname }: URL): boolean {
  return path.startsWith('/') && !path.startsWith(`${pathname.replace(/\/$/, '')}/`);
}

function withOffer(probe: Probe, run: (offer: Offer) => Promise<Finding>): Promise<Finding> {
  const offer = probe.announcement === null ? null : offerIn(probe.announcement);
  return offer === null ? Promise.resolve(notChecked('not offered')) : run(offer);
}

function newMember(probe: Probe, name: string): Member {
  const state = probe.state(name, 1);
  return { id: probe.newDeliveryId(), state, what: 'a new one', heldAfter: state };
}

function newMembers(probe: Probe, offer: Offer): Member[] {
  // The ids are not sorted, so that a target that sorts them is noticed.
  const names = ['batch-c', 'batch-a', 'batch-d', 'batch-b'];
  return names.slice(0, offer.statesMax).map((name) => newMember(probe, name));
}

/** One member of each kind. The bad one comes early, so that the members after it show what it spoils. */
async function mixedMembers(probe: Probe): Promise<Member[]> {
  const [taken, repeated, older] = ['batch-taken', 'batch-repeated', 'batch-older'].map((name) => ({
    id: probe.newDeliveryId(),
    state: probe.state(name, 3),
  })) as [{ id: string; state: State }, { id: string; state: State }, { id: string; state: State }];
  for (const { id, state } of [taken, repeated, older]) await probe.deliver(state, { id });
  return [
    newMember(probe, 'batch-mixed-b'),
    {
      id: taken.id,
      state: probe.changed(taken.state),
      what: 'a known id with another payload',
      isBad: true,
      heldAfter: taken.state,
    },
    { ...repeated, what: 'a duplicate', heldAfter: repeated.state },
    {
      id: probe.newDeliveryId(),
      state: { ...probe.state('batch-older', 2) },
      what: 'an older version',
      heldAfter: older.state,
    },
    newMember(probe, 'batch-mixed-a'),
  ];
}

function sendDeliveryBatch(
  probe: Probe,
  offer: Offer,
  members: readonly Member[],
  form: Form = {},
): Promise<Answer> {
  const body = JSON.stringify({ deliveries: members.map(({ id, state }) => ({ id, state })) });
  const digest = hash('sha256', members.map(({ id }) => id).join('\n'), 'hex');
  return probe.send(Buffer.from(body), {
    ...form,
    id: `batch_${digest.slice(0, 32)}`,
    path: pathOf(offer, probe.client.url),
  });
}

async function judge(probe: Probe, offer: Offer, members: readonly Member[]): Promise<Finding> {
  const answer = await sendDeliveryBatch(probe, offer, members);
  const hasBad = members.some(({ isBad }) => isBad === true);
  const { url } = probe.client;
  if ((answer.status === 404 || answer.status === 405) && isOutsidePrefix(offer, url))
    return fault(
      'batch_outside_prefix',
      `${answer.status} at ${offer.path}, which is not below ${url.pathname}`,
    );
  if (!isOk(answer))
    return fault(hasBad ? 'batch_member_spoils' : 'batch_refused', unexpected(answer, 'the whole batch'));

  const results = field(answer.json, 'results');
  if (!Array.isArray(results)) return fault('batch_results_missing', describe(answer));
  const ids = results.map((result) => field(result, 'id'));
  const missing = members.find(({ id }) => !ids.includes(id));
  if (missing !== undefined || results.length !== members.length) {
    return fault('batch_results_missing', `${results.length} results for ${members.length} deliveries`);
  }
  if (members.some(({ id }, index) => ids[index] !== id)) {
    return fault('batch_results_out_of_sequence', 'every delivery has its result, in another sequence');
  }

  const statuses = results.map((result) => Number(field(result, 'status')));
  for (const [index, { what, isBad }] of members.entries()) {
    const status = statuses[index] ?? 0;
    const isTaken = status >= 200 && status < 300;
    const isRight = isBad === true ? status === 422 || status === 409 : isTaken;
    if (isRight) continue;
    const spoils = hasBad && isBad !== true && statuses.every((each) => !(each >= 200 && each < 300));
    return fault(spoils ? 'batch_member_spoils' : 'batch_verdict_wrong', `${what} got the status ${status}`);
  }
  for (const { state, what, heldAfter } of members) {
    const difference = differenceOf(await probe.held(state.order_id), heldAfter);
    if (difference !== null)
      return fault(hasBad ? 'batch_member_spoils' : 'batch_not_stored', `${what}: ${difference}`);
  }
  return pass(`one result each, in sequence: ${statuses.join(', ')}`);
}

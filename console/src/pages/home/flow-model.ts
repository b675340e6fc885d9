import { targetOf } from '../../api/instance-target.ts';
import type { TopicRate } from '../../api/status-history.ts';
import type { Status } from '../../api/types.ts';
import { boundedText, countText, plural, rateText } from '../../text/numbers.ts';
import { spanText } from '../../text/time.ts';
import { said } from '../../text/words.ts';

/** `stuck` waits for a person, `slow` is behind or paused, `unknown` could not be looked at. */
export type FlowState = 'flows' | 'slow' | 'stuck' | 'unknown';

export interface FlowNode {
  readonly id: string;
  readonly kind: 'topic' | 'journal' | 'target' | 'quarantine' | 'dead';
  readonly title: string;
  readonly lines: readonly string[];
  readonly href: string;
  readonly state: FlowState;
  /** Why it does not flow, in a sentence; null if it does. */
  readonly trouble: string | null;
}

export interface FlowEdge {
  readonly from: string;
  readonly to: string;
  readonly label: string;
  readonly isFlowing: boolean;
  readonly state: FlowState;
}

export interface Flow {
  readonly nodes: readonly FlowNode[];
  readonly edges: readonly FlowEdge[];
}

/** Rates a second; null where none is known yet. */
export interface FlowRates {
  readonly topics: ReadonlyMap<string, TopicRate | null>;
  readonly journaled: number | null;
  readonly refused: number | null;
  readonly due: number | null;
  /** By target. */
  readonly delivered: Readonly<Record<string, number | null>>;
}

/** A lag below this many seconds is that of a busy, healthy sync. */
const LAG_FINE_SECONDS = 10;
const DUE_FINE_SECONDS = 30;

/** The picture of the flow: what stands in it, and what flows where. */
export function flowOf(status: Status, rates: FlowRates): Flow {
  const topics = [...new Set(status.partitions.map(({ topic }) => topic))].map((topic) =>
    topicNode(status, topic),
  );
  const targets = status.outbox.map((outbox) => targetNode(status, outbox));
  const journal = journalNode(status, rates);
  const quarantine = quarantineNode(status);
  const dead = deadNode(status);
  return {
    nodes: [...topics, journal, quarantine, ...targets, dead],
    edges: [
      ...topics.map((node): FlowEdge => {
        const rate = rates.topics.get(node.title) ?? null;
        return {
          from: node.id,
          to: journal.id,
          label: rate === null ? '…' : `${rateText(rate.arriving)}/s in`,
          isFlowing: (rate?.reading ?? 0) > 0,
          state: node.state,
        };
      }),
      edge(journal, quarantine, 'refused', rates.refused, 'flows'),
      ...targets.map((node) =>
        edge(journal, node, 'delivered', rates.delivered[node.title] ?? null, node.state),
      ),
      ...targets.map(
        (node): FlowEdge => ({ from: node.id, to: dead.id, label: '', isFlowing: false, state: 'flows' }),
      ),
    ],
  };
}

function edge(from: FlowNode, to: FlowNode, what: string, rate: number | null, state: FlowState): FlowEdge {
  return {
    from: from.id,
    to: to.id,
    label: rate === null ? '…' : `${rateText(rate)}/s ${what}`,
    isFlowing: (rate ?? 0) > 0,
    state,
  };
}

function topicNode(status: Status, topic: string): FlowNode {
  const partitions = status.partitions.filter((partition) => partition.topic === topic);
  const halted = partitions.filter(({ haltReason }) => haltReason !== null);
  const held = partitions.filter(({ hold }) => hold !== null);
  const unknown = partitions.filter(({ lagUnknown }) => lagUnknown !== null);
  const messages = partitions.reduce((sum, { lagMessages }) => sum + (lagMessages ?? 0), 0);
  const seconds = Math.max(0, ...partitions.map(({ lagSeconds }) => lagSeconds ?? 0));
  const node = {
    id: `topic:${topic}`,
    kind: 'topic' as const,
    title: topic,
    href: '/pipeline',
    lines: [
      plural(partitions.length, 'partition'),
      messages === 0 ? 'all read' : `${countText(messages)} to read`,
    ],
  };
  const names = (some: typeof partitions) => some.map(({ name }) => name).join(', ');
  if (halted.length > 0)
    return {
      ...node,
      state: 'stuck',
      trouble: `${names(halted)} stands still until you decide where it goes on.`,
    };
  if (held.length > 0) return { ...node, state: 'slow', trouble: `${names(held)} is paused.` };
  if (unknown.length > 0)
    return { ...node, state: 'unknown', trouble: `The lag of ${names(unknown)} is not known.` };
  if (seconds > LAG_FINE_SECONDS)
    return { ...node, state: 'slow', trouble: `${topic} is ${spanText(seconds)} behind.` };
  return { ...node, state: 'flows', trouble: null };
}

function journalNode({ store, log, lag, parked }: Status, { journaled, due }: FlowRates): FlowNode {
  const rate = journaled === null ? '…' : `${rateText(journaled)}/s journaled`;
  const node = {
    id: 'journal',
    kind: 'journal' as const,
    title: 'Journal and view',
    href: '/orders',
    lines: [
      rate,
      due === null
        ? `${lag.seconds === null ? '…' : spanText(lag.seconds)} behind`
        : `${rateText(due)}/s due`,
    ],
  };
  if (store.state !== 'ok')
    return {
      ...node,
      state: 'stuck',
      trouble: `The store does not answer: ${store.reason ?? store.code ?? ''}`,
    };
  if (log.state !== 'ok')
    return { ...node, state: 'stuck', trouble: `The log does not answer: ${log.reason ?? log.code ?? ''}` };
  if (parked !== null && parked.count > 0)
    return {
      ...node,
      state: 'slow',
      trouble: `${boundedText(parked)} ${said('orders are parked: their rows do not change.')}`,
    };
  return { ...node, state: 'flows', trouble: null };
}

function targetNode(
  status: Status,
  { target, due, oldestAgeSeconds, hold }: Status['outbox'][number],
): FlowNode {
  const node = {
    id: `target:${target}`,
    kind: 'target' as const,
    title: target,
    href: `/deliveries?status=pending&target=${encodeURIComponent(target)}`,
    lines: [due.count === 0 ? 'has all states' : `${boundedText(due)} due`],
  };
  const { breaker = 'closed', notClosedForSeconds = null } = targetOf(status, target) ?? {};
  if (hold !== null) return { ...node, state: 'slow', trouble: `${target} is paused: ${hold}.` };
  if (breaker === 'disabled')
    return { ...node, state: 'stuck', trouble: `${target} wants no more deliveries.` };
  if (breaker !== 'closed')
    return {
      ...node,
      state: (notClosedForSeconds ?? 0) > DUE_FINE_SECONDS ? 'stuck' : 'slow',
      trouble: `${target} has taken nothing for ${spanText(notClosedForSeconds ?? 0)} (breaker ${breaker}).`,
    };
  if ((oldestAgeSeconds ?? 0) > DUE_FINE_SECONDS)
    return {
      ...node,
      state: 'slow',
      trouble: `A state for ${target} has been due for ${spanText(oldestAgeSeconds ?? 0)}.`,
    };
  return { ...node, state: 'flows', trouble: null };
}

function quarantineNode({ quarantine }: Status): FlowNode {
  const records = quarantine.reduce((sum, each) => sum + each.records, 0);
  const count = boundedText({ count: records, isMore: quarantine.some(({ isMore }) => isMore) });
  return {
    id: 'quarantine',
    kind: 'quarantine',
    title: 'Quarantine',
    href: '/quarantine',
    lines: [records === 0 ? 'empty' : `${count} open`],
    state: records === 0 ? 'flows' : 'slow',
    trouble: records === 0 ? null : `${count} refused records wait for somebody to settle them.`,
  };
}

function deadNode({ outbox }: Status): FlowNode {
  const count = outbox.reduce((sum, { dead }) => sum + dead.count, 0);
  const text = boundedText({ count, isMore: outbox.some(({ dead }) => dead.isMore) });
  return {
    id: 'dead',
    kind: 'dead',
    title: 'Dead letters',
    href: '/deliveries?status=dead',
    lines: [count === 0 ? 'none' : `${text} dead`],
    state: count === 0 ? 'flows' : 'stuck',
    trouble: count === 0 ? null : `${text} deliveries are dead: they are not tried again by themselves.`,
  };
}

/** The picture in words. */
export function flowInWords({ nodes, edges }: Flow): string {
  const titles = new Map(nodes.map(({ id, title }) => [id, title]));
  const facts = edges
    .filter(({ label }) => label !== '' && label !== '…')
    .map(({ from, to, label }) => `${titles.get(from)} to ${titles.get(to)}: ${label}`);
  const troubles = nodes.flatMap(({ trouble }) => (trouble === null ? [] : [trouble]));
  return [...facts.map((fact) => `${fact}.`), ...troubles].join(' ');
}

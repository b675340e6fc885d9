/** A partition whose next records were deleted before they were read: where, what is missing, and who decided. */
import { created } from '../events.ts';
import type { Stage, Told } from '../stage.ts';
import { attentionKinds, type Status } from './status.ts';

export const RESUMED_BECAUSE = 'retention took the record, and the source has sent it again';

interface PartitionAnswer {
  readonly topic: string;
  readonly partition: number;
  readonly haltReason: string | null;
}

interface Plan {
  readonly topic: string;
  readonly partition: number;
  readonly fromOffset: string | number;
  readonly toOffset: string | number;
}

export async function playPartition(stage: Stage): Promise<void> {
  const { place, desk } = stage;
  const { topics } = place;
  let lost: Told | undefined;
  let next: Told | undefined;
  await stage.restart({}, async () => {
    [lost, next] = await stage.publish([created(topics, 'gone'), created(topics, 'gone', 1)]);
    if (next !== undefined) await place.deleteBelow(next.topic, next.partition, next.offset);
  });
  if (lost === undefined || next === undefined) throw new Error('The records have no place');
  const name = `${lost.topic}/${lost.partition}`;
  await stage.readyz(503, name);
  await stage.freshStatus();
  await desk.ask({
    what: 'what stands still?',
    command: ['status'],
    exitCode: 5,
    path: '/status',
    pick: (status: Status) => [
      status.verdict,
      attentionKinds(status),
      status.attention[0]?.command?.includes(`resume ${name}`) ?? false,
      status.partitions.filter(({ haltReason }) => haltReason !== null).map((each) => each.name),
    ],
    expected: ['needs_attention', ['halted'], true, [name]],
  });
  const [from, to] = [String(lost.offset), String(next.offset)];
  await desk.ask({
    what: 'which partition is halted, and what is missing?',
    command: ['partitions'],
    path: '/partitions',
    pick: (rows: readonly PartitionAnswer[]) =>
      rows.flatMap(({ topic, partition, haltReason }) =>
        haltReason === null
          ? []
          : [[`${topic}/${partition}`, haltReason.includes(from), haltReason.includes(to)]],
      ),
    expected: [[name, true, true]],
  });
  await desk.ask({
    what: 'where would each halted partition go on?',
    command: ['resume', '--all', '--dry-run'],
    path: '/partitions:resume',
    body: { all: true, dryRun: true, reason: 'looking first' },
    pick: (rows: readonly Plan[]) =>
      rows.map(({ topic, partition, fromOffset, toOffset }) =>
        [`${topic}/${partition}`, fromOffset, toOffset].map(String),
      ),
    expected: [[name, from, to]],
  });
  await desk.decide(['resume', name, '--at', 'earliest', '--reason', RESUMED_BECAUSE, '--by', 'ana']);
  await stage.readyz(200);
  await stage.tell([]);
  await desk.ask({
    what: 'what of the order did arrive?',
    command: ['explain', 'gone'],
    path: '/orders/gone/explain',
    pick: ({ version, events }: { version: number; events: { offset: string }[] }) => [
      version,
      events.map(({ offset }) => offset),
    ],
    expected: [1, [to]],
  });
  await stage.freshStatus();
  await desk.ask({
    what: 'does everything flow again?',
    command: ['status'],
    path: '/status',
    pick: (status: Status) => [status.verdict, status.lag.messages],
    expected: ['ok', 0],
  });
}

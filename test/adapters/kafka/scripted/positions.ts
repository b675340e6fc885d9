import { partitionName, type TopicPartition } from '../../../../src/core/offset.ts';
import type { FetchedRecords } from '../../../../src/ports/event-log.ts';
import { valueText } from '../../../contract/event-log-harness.ts';
import type { LoggedValue } from './partition-log.ts';

interface Position {
  offset: bigint;
  leaderEpoch: number;
  /** Counts who has acquired the partition. Only the last one may commit. */
  epoch: number;
  readonly journal: LoggedValue[];
}

/** What a store keeps of partitions: how far each was read, and every record that was committed. */
export class Positions {
  readonly #positions = new Map<string, Position>();

  /** Begins at `startOffset` if the partition was never read. */
  acquire(place: TopicPartition, startOffset: bigint): Readonly<Position> {
    const found = this.#positions.get(partitionName(place)) ?? {
      offset: startOffset,
      leaderEpoch: -1,
      epoch: 0,
      journal: [],
    };
    found.epoch++;
    this.#positions.set(partitionName(place), found);
    return { ...found };
  }

  /** Commits the records if nobody has acquired the partition since, and if they begin where the journal ends. */
  commit(fetched: FetchedRecords, epoch: number, from: bigint): boolean {
    const position = this.#positions.get(partitionName(fetched));
    if (position === undefined || position.epoch !== epoch || position.offset !== from) return false;
    position.offset = fetched.nextOffset;
    position.leaderEpoch = fetched.leaderEpoch;
    position.journal.push(
      ...fetched.records.map((record) => ({ offset: record.offset, value: valueText(record) })),
    );
    return true;
  }

  journalOf(place: TopicPartition): readonly LoggedValue[] {
    return this.#positions.get(partitionName(place))?.journal ?? [];
  }

  offsetOf(place: TopicPartition): bigint {
    return this.#positions.get(partitionName(place))?.offset ?? -1n;
  }
}

import { describe, expect, it } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { partitionName } from '../../../src/core/offset.ts';
import { Gate } from '../../../src/pipeline/gate.ts';
import { Acquirer, type AcquirerParts } from '../../../src/pipeline/ingest/acquirer.ts';
import type { OwnedPartition } from '../../../src/pipeline/ingest/owned-partitions.ts';
import { Troubles } from '../../../src/pipeline/ingest/troubles.ts';
import type { AcquireRequest, Checkpoint } from '../../../src/ports/checkpoints.ts';
import type { AssignedPartition } from '../../../src/ports/event-log.ts';

const BACKOFF = { baseMs: 1_000, capMs: 60_000 };
const OVER = new TributaryError('store_busy', 'The row is locked.');

/** An acquirer whose store, group and view do what the test says. It is run by `clock`. */
class Scene {
  readonly clock = new SeededClock({ seed: 7 });
  readonly assigned = new Map<string, AssignedPartition>();
  readonly owned = new Map<string, OwnedPartition>();
  readonly halted = new Map<string, string>();
  readonly held = new Set<string>();
  readonly changed = new Gate();
  /** What was asked of the parts, in sequence. */
  readonly calls: string[] = [];
  /** The topic ids of the partitions that were acquired, in sequence. */
  readonly topicIds: string[] = [];
  readonly begun: { readonly names: string[]; readonly isCoPartitioned: boolean }[] = [];
  readonly locked = new Set<string>();
  readonly counts = new Map([
    ['a', 2],
    ['b', 2],
  ]);
  leaderEpoch = 4;
  isSetBack: (checkpoint: Checkpoint) => boolean = () => false;
  readonly view = {
    writesRows: true,
    isOutdated: false,
    untilExchanged: async () => {},
    refresh: async () => {
      this.calls.push('view');
      return {} as never;
    },
  };
  /** Called while the counts of the topics are looked up, and while a checkpoint is acquired. */
  onCounts = () => {};
  onAcquire = (_: string) => {};
  onlyHaltOf: string | null = null;
  readonly #stopping = new AbortController();
  readonly acquirer: Acquirer;
  #running: Promise<void> | undefined;

  constructor() {
    const acquire = async ([request]: readonly AcquireRequest[]): Promise<Checkpoint[]> => {
      if (request === undefined) return [];
      const { topic, partition, topicId } = request;
      const name = partitionName({ topic, partition });
      this.calls.push(`acquire ${name}`);
      this.topicIds.push(topicId);
      if (this.locked.has(name)) throw OVER;
      this.onAcquire(name);
      const haltReason = this.onlyHaltOf === name ? 'It waits for a decision.' : null;
      const { leaderEpoch } = this;
      return [
        { topic, partition, topicId, nextOffset: 5n, epoch: 2n, leaderEpoch, haltReason, isNew: false },
      ];
    };
    const parts: AcquirerParts = {
      assigned: this.assigned,
      owned: this.owned,
      changed: this.changed,
      halts: {
        has: (name: string) => this.halted.has(name),
        note: (name: string, reason: string) => this.halted.set(name, reason),
      } as unknown as AcquirerParts['halts'],
      holds: { has: (partition) => this.held.has(partitionName(partition)) },
      troubles: new Troubles(BACKOFF, this.clock),
      guard: {
        waitsMs: 0,
        isBehind: () => false,
        isSetBack: async (checkpoint: Checkpoint) => this.isSetBack(checkpoint),
        acquired: () => {},
      } as unknown as AcquirerParts['guard'],
      incarnation: { actIfReplaced: async () => false },
      parked: {
        load: async () => {
          this.calls.push('parked');
        },
      } as unknown as AcquirerParts['parked'],
      defects: {} as AcquirerParts['defects'],
      exclusively: (work) => work(),
      begin: async (acquired, isCoPartitioned) => {
        for (const each of acquired) this.owned.set(partitionName(each), each);
        this.begun.push({ names: acquired.map(partitionName).sort(), isCoPartitioned });
      },
      giveUpAll: async () => {},
    };
    this.acquirer = new Acquirer(
      {
        store: { acquire, halt: async () => {} } as never,
        topics: ['a', 'b'],
        clock: this.clock,
        logger: () => {},
        view: this.view,
        log: {
          partitionCounts: async () => {
            this.onCounts();
            return this.counts;
          },
        },
      },
      parts,
    );
  }

  assign(...names: string[]): void {
    for (const name of names) {
      const [topic = '', partition = '0'] = name.split('/');
      const place = { topic, partition: Number(partition), topicId: `id of ${topic}` };
      this.assigned.set(name, { ...place, startOffset: 0n, endOffset: 9n });
    }
    this.changed.open();
  }

  async runs(ms = 0): Promise<void> {
    this.#running ??= this.acquirer.run(this.#stopping.signal);
    await this.clock.advance(ms);
  }

  async ends(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  acquired(name: string): number {
    return this.calls.filter((call) => call === `acquire ${name}`).length;
  }
}

describe('the acquirer of partitions', () => {
  it('begins with all that are assigned, at their checkpoints and leader epochs', async () => {
    const scene = new Scene();
    scene.assign('a/0', 'a/1', 'b/0');
    await scene.runs();
    expect(scene.begun).toEqual([{ names: ['a/0', 'a/1', 'b/0'], isCoPartitioned: true }]);
    expect(scene.owned.get('a/1')).toEqual({
      topic: 'a',
      partition: 1,
      epoch: 2n,
      committed: 5n,
      leaderEpoch: 4,
    });
    await scene.ends();
  });

  it('reads the parked entities before it acquires, and the record of the view behind that', async () => {
    const scene = new Scene();
    scene.assign('a/0');
    await scene.runs();
    expect(scene.calls).toEqual(['parked', 'acquire a/0', 'view']);
    await scene.ends();
  });

  it('says that topics with different numbers of partitions are not partitioned alike', async () => {
    const scene = new Scene();
    scene.counts.set('b', 3);
    scene.assign('a/0');
    await scene.runs();
    expect(scene.begun).toEqual([{ names: ['a/0'], isCoPartitioned: false }]);
    await scene.ends();
  });

  it('acquires nothing that the group took away, or gave anew, while the topics were looked up', async () => {
    const scene = new Scene();
    scene.assign('a/0', 'a/1', 'b/0');
    let isFirst = true;
    scene.onCounts = () => {
      if (!isFirst) return;
      isFirst = false;
      scene.assigned.delete('a/0');
      scene.assigned.set('a/1', { ...(scene.assigned.get('a/1') as AssignedPartition), topicId: 'a new id' });
      scene.held.add('b/0');
      expect(scene.calls).toEqual([]);
    };
    await scene.runs();
    expect(scene.acquired('a/0')).toBe(0);
    expect(scene.topicIds).toEqual(['a new id']);
    expect(scene.acquired('b/0')).toBe(0);
    expect(scene.begun).toEqual([{ names: ['a/1'], isCoPartitioned: true }]);
    await scene.ends();
  });

  it('works on nothing that was lost while it was acquired', async () => {
    const scene = new Scene();
    scene.assign('a/0', 'a/1');
    scene.onAcquire = (name) => {
      if (name === 'a/0') scene.assigned.delete(name);
    };
    await scene.runs();
    expect(scene.begun).toEqual([{ names: ['a/1'], isCoPartitioned: true }]);
    await scene.ends();
  });

  it('acquires those behind a halted partition once', async () => {
    const scene = new Scene();
    scene.onlyHaltOf = 'a/0';
    scene.assign('a/0', 'a/1', 'b/0', 'b/1');
    await scene.runs();
    expect([...scene.halted]).toEqual([['a/0', 'It waits for a decision.']]);
    expect(scene.begun).toEqual([{ names: ['a/1', 'b/0', 'b/1'], isCoPartitioned: true }]);
    expect(['a/0', 'a/1', 'b/0', 'b/1'].map((name) => scene.acquired(name))).toEqual([1, 1, 1, 1]);
    await scene.ends();
  });

  it('works on no partition whose checkpoint it has set back, before it has acquired it again', async () => {
    const scene = new Scene();
    let looks = 0;
    scene.isSetBack = () => ++looks === 1;
    scene.assign('a/0');
    await scene.runs();
    expect(scene.acquired('a/0')).toBe(2);
    expect(scene.begun).toHaveLength(1);
    await scene.ends();
  });

  it('tries a partition again when its own pause is over, whatever the pause of another', async () => {
    const scene = new Scene();
    scene.locked.add('a/0');
    scene.assign('a/0');
    await scene.runs();
    for (let tries = 1; tries < 12; tries++) await scene.runs(60_000);
    const before = scene.acquired('a/0');
    // The first failure of another one has a pause of at most a second; the pause of this one may last a minute.
    scene.locked.add('b/0');
    scene.assign('b/0');
    await scene.runs();
    scene.locked.delete('b/0');
    await scene.runs(1_000);
    expect(scene.acquired('a/0') - before).toBeLessThanOrEqual(1);
    expect(scene.begun).toEqual([{ names: ['b/0'], isCoPartitioned: true }]);
    await scene.ends();
  });

  it('acquires nothing for a program with an older fold', async () => {
    const scene = new Scene();
    scene.view.isOutdated = true;
    scene.assign('a/0');
    await scene.runs(5_000);
    expect(scene.calls).toEqual([]);
    scene.view.isOutdated = false;
    await scene.runs(1_000);
    expect(scene.acquired('a/0')).toBe(1);
    await scene.ends();
  });
});

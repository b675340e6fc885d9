import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import type { ViewRow } from '../../../src/core/domain.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { compareUtf8 } from '../../../src/core/text.ts';
import { digestOf } from '../../../src/pipeline/reconcile/comparison.ts';
import { type ReconcileOptions, reconcile } from '../../../src/pipeline/reconcile/reconcile.ts';
import type { DeliveryRepair, OwedState } from '../../../src/ports/reconciliation.ts';
import type { HeldState, HoldingsRange, TargetHoldings } from '../../../src/ports/target-holdings.ts';

const ROW: ViewRow = ['CREATED', true];
export const state = (entityId: string, version = 1, row = ROW): HeldState => ({ entityId, version, row });

function behind<Row extends { entityId: string }>(
  rows: Map<string, Row>,
  { after, limit }: HoldingsRange,
): Row[] {
  return [...rows.values()]
    .filter(({ entityId }) => after === null || compareUtf8(entityId, after) > 0)
    .sort((a, b) => compareUtf8(a.entityId, b.entityId))
    .slice(0, limit);
}

/** A ledger and a target, both in memory; `deliver` is what a running order-sync would do. */
export class Pair {
  readonly owed = new Map<string, OwedState>();
  readonly held = new Map<string, HeldState>();
  readonly asked: string[] = [];
  readonly madeDue: string[][] = [];
  /** The view's rows of entities that the ledger may not know. */
  readonly viewed = new Map<string, HeldState>();
  readonly repairs: DeliveryRepair[] = [];
  readonly clock: SeededClock;
  /** Called before each page or digest, with the number of those asked for so far. */
  beforeAnswer: (asked: number) => void = () => {};
  /** Called before anything is made due. */
  beforeMadeDue: () => void = () => {};
  /** The way in which the target answers: not at all until the call is stopped, with what it holds, or with this error. */
  mood: 'hangs' | 'answers' | ConstructorParameters<typeof TributaryError>[0] = 'answers';

  constructor(...ids: string[]) {
    this.clock = new SeededClock({ seed: 1, time: 'immediately' });
    for (const id of ids) this.both(id);
  }

  both(entityId: string, version = 1): void {
    this.owe(entityId, { deliveredVersion: version });
    this.held.set(entityId, state(entityId, version));
  }

  owe(entityId: string, facts: Partial<OwedState> = {}): void {
    const version = facts.deliveredVersion ?? 1;
    const delivered = {
      status: 'delivered' as const,
      deliveredVersion: version,
      dueVersion: version,
      viewVersion: version,
      row: ROW,
    };
    this.owed.set(entityId, { entityId, ...delivered, ...facts });
  }

  hold(entityId: string, version = 1, row = ROW): void {
    this.held.set(entityId, state(entityId, version, row));
  }

  deliver = (): void => {
    for (const { entityId, status, dueVersion, row } of this.owed.values()) {
      if (status !== 'pending') continue;
      this.owe(entityId, { deliveredVersion: dueVersion, dueVersion, viewVersion: dueVersion, row });
      this.hold(entityId, dueVersion, row);
    }
  };

  readonly holdings: TargetHoldings = {
    page: async (range, signal) => {
      const states = await this.#look('page', range, signal);
      const last = states.at(-1)?.entityId ?? range.after;
      return { states, hasMore: behind(this.held, { after: last, limit: 1 }).length > 0 };
    },
    digest: async (range, signal) => {
      const states = await this.#look('digest', range, signal);
      return { count: states.length, digest: digestOf(states) };
    },
    close: async () => {},
  };

  async #look(what: string, range: HoldingsRange, signal: AbortSignal): Promise<HeldState[]> {
    this.asked.push(what);
    this.beforeAnswer(this.asked.length);
    if (this.mood === 'hangs') {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw new TributaryError('target_unreachable', 'It was asked no longer.');
    }
    if (this.mood !== 'answers') throw new TributaryError(this.mood, `It is as ${this.mood} says.`);
    return behind(this.held, range);
  }

  readonly store: ReconcileOptions['store'] = {
    listOwed: async (page) => behind(this.owed, page),
    makeDueAgain: async ({ delivered }) => {
      this.beforeMadeDue();
      const due = delivered.filter(({ entityId, version }) => {
        const owed = this.owed.get(entityId);
        return owed?.status === 'delivered' && owed.deliveredVersion === version;
      });
      this.madeDue.push(due.map(({ entityId }) => entityId));
      for (const { entityId } of due) this.owe(entityId, { ...this.owed.get(entityId), status: 'pending' });
      return due.length;
    },
    makeRepairsDue: async ({ repairs }) => {
      this.beforeMadeDue();
      const due = repairs.filter(({ entityId, was, version }) => {
        const owed = this.owed.get(entityId);
        if (was === 'behind') return owed?.status !== 'pending' && owed?.viewVersion === version;
        if (was === 'dead') return owed?.status === 'dead' && owed.dueVersion === version;
        return owed === undefined && this.viewed.get(entityId)?.version === version;
      });
      this.repairs.push(...due);
      for (const { entityId, version, heldVersion } of due) {
        const row = this.viewed.get(entityId)?.row ?? this.owed.get(entityId)?.row ?? ROW;
        const facts = { status: 'pending' as const, dueVersion: version, deliveredVersion: heldVersion, row };
        this.owe(entityId, facts);
      }
      return due.length;
    },
    readView: async (entityIds) =>
      new Map(
        entityIds.flatMap((id) => {
          const found = this.viewed.get(id);
          return found === undefined ? [] : [[id, { row: found.row, version: found.version }] as const];
        }),
      ),
    readDelivery: async (target, entityId) => {
      const found = this.owed.get(entityId);
      return found === undefined
        ? null
        : {
            target,
            entityId,
            status: found.status,
            dueVersion: 1,
            deliveredVersion: found.deliveredVersion,
            attempts: 0,
            nextAttemptAtMs: null,
            dueSinceMs: 0,
            lastStatus: null,
            lastError: null,
            lastAnswer: null,
          };
    },
  };

  async reconcile(options: Partial<ReconcileOptions> = {}, stopped = false) {
    const stopping = new AbortController();
    if (stopped) stopping.abort();
    return reconcile(
      {
        target: 'warehouse',
        holdings: this.holdings,
        store: this.store,
        clock: this.clock,
        heals: false,
        limit: 100,
        perSecond: 500,
        ...options,
      },
      stopping.signal,
    );
  }

  async verdicts(options: Partial<ReconcileOptions> = {}) {
    const { differences } = await this.reconcile(options);
    return differences.map(({ entityId, verdict }) => [entityId, verdict]);
  }
}

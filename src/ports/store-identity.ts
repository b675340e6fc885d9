/**
 * Tells this store from every other one, by an id that was made together with the store. A copy or a restored backup
 * has the same id. All members of a group have to share one store, because each partition is journaled by one of them
 * only.
 */
export interface StoreIdentity {
  /** The store's UUID. */
  storeId(): Promise<string>;
  /** Records for ever who decided that a group goes on with this store. */
  noteGroupTaken(decision: GroupDecision): Promise<void>;
}

export interface GroupDecision {
  readonly group: string;
  /** The store that the group had before; null if none is known. */
  readonly formerStore: string | null;
  readonly decidedBy: string;
  readonly reason: string;
  readonly decidedAtMs: number;
}

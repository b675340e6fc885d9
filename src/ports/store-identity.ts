/**
 * Which store this is, told by an id that was made with it: a copy or a restored backup has the same one. The members of a
 * group have to share one store, since each partition is journaled by one of them only.
 */
export interface StoreIdentity {
  /** A UUID. */
  storeId(): Promise<string>;
  /** Keeps for ever who decided that a group goes on with this store. */
  noteGroupTaken(decision: GroupDecision): Promise<void>;
}

export interface GroupDecision {
  readonly group: string;
  /** The store that the group had before; null if none was known. */
  readonly formerStore: string | null;
  readonly decidedBy: string;
  readonly reason: string;
  readonly decidedAtMs: number;
}

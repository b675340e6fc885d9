/** Looking through the journal, so that the view can be compared with it. */
export interface JournalInspection {
  /** A page of the entities in the journal, by the bytes of their ids, beginning behind `after`. */
  listJournaled(page: { readonly after: string | null; readonly limit: number }): Promise<JournaledEntity[]>;
}

export interface JournaledEntity {
  readonly entityId: string;
  /** The last version in the journal. A store that counts events to know it stops at 10,001. */
  readonly version: number;
}

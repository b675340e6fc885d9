/** The parts of a status that the story knows. */
export interface Status {
  readonly verdict: string;
  readonly attention: readonly { readonly kind: string; readonly command: string | null }[];
  readonly lag: { readonly messages: number | null };
  readonly partitions: readonly { readonly name: string; readonly haltReason: string | null }[];
  readonly outbox: readonly {
    readonly target: string;
    readonly due: { readonly count: number };
    readonly dead: { readonly count: number };
    readonly hold: string | null;
  }[];
  readonly quarantine: readonly {
    readonly topic: string;
    readonly reason: string;
    readonly records: number;
  }[];
}

export function attentionKinds({ attention }: Status): string[] {
  return attention.map(({ kind }) => kind);
}

/** Due and dead deliveries of the only target. */
export function outboxOf({ outbox: [only] }: Status): { due: number; dead: number } {
  return { due: only?.due.count ?? -1, dead: only?.dead.count ?? -1 };
}

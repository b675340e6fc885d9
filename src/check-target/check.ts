import type { Finding } from './faults.ts';
import type { Probe } from './probe.ts';

/** One question to a target. Throws a RequestFault where a request came to nothing. */
export interface Check {
  readonly name: string;
  /** Checks without whose pass (or warning) this one would only find the same fault again. */
  readonly needs: readonly string[];
  readonly needsSecret?: boolean;
  run(probe: Probe): Promise<Finding>;
}

/** What nearly every check needs: a target that takes a state at all. */
export const ACCEPTED = 'accepted';
/** What those need that look for effects: they would only see again that nothing is shown. */
export const SHOWN = 'shown';

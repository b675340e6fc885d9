import type { Finding } from './faults.ts';
import type { Probe } from './probe.ts';

/** One check of a target. Throws a RequestFault if a request gets no usable answer. */
export interface Check {
  readonly name: string;
  /** The checks that must not have failed. After such a failure this check would only find the same fault again. */
  readonly needs: readonly string[];
  readonly needsSecret?: boolean;
  run(probe: Probe): Promise<Finding>;
}

/** The check that the target takes a state. Nearly every other check needs it. */
export const ACCEPTED = 'accepted';
/** The check that the target shows a state. Checks that look for effects need it. */
export const SHOWN = 'shown';

import { hash } from 'node:crypto';

/** Fits a column of fixed size; 0 is nobody's. */
export function claimIdOf(claimant: string): bigint {
  return (BigInt(`0x${hash('sha256', claimant).slice(0, 16)}`) >> 1n) | 1n;
}

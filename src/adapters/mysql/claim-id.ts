import { hash } from 'node:crypto';

/**
 * Turns a claimant's name into a number, which fits a column of fixed size. It is never 0, which stands for no
 * claimant.
 */
export function claimIdOf(claimant: string): bigint {
  return (BigInt(`0x${hash('sha256', claimant).slice(0, 16)}`) >> 1n) | 1n;
}

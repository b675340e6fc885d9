import type { IngestStatus } from './options.ts';

export type Health = { readonly ok: true } | { readonly ok: false; readonly reason: string };

interface Named {
  readonly name: string;
  readonly reason: string;
}

/** Says what is wrong with the log or with the partitions, if anything is. Of partitions on hold nothing is expected. */
export function healthOf(
  log: Health,
  { waiting, halted, held }: Pick<IngestStatus, 'waiting' | 'halted' | 'held'>,
  stuck: readonly Named[],
): Health {
  if (!log.ok) return log;
  const resting = new Set(held.map(({ name }) => name));
  const trouble = [...halted, ...waiting, ...stuck].find(({ name }) => !resting.has(name));
  if (trouble === undefined) return { ok: true };
  return {
    ok: false,
    reason: stuck.includes(trouble) ? trouble.reason : `${trouble.name}: ${trouble.reason}`,
  };
}

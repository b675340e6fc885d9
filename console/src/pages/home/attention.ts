import type { Attention } from '../../api/types.ts';

interface Place {
  readonly href: string;
  readonly words: string;
}

/** The page on which a person begins, for each kind of thing that needs one. */
export const PLACES: Readonly<Record<Attention['kind'], Place>> = {
  halted: { href: '/pipeline', words: 'Decide where it goes on' },
  paused: { href: '/pipeline?tab=pauses', words: 'See the pauses' },
  topic_missing: { href: '/pipeline', words: 'Look at the partitions' },
  partition_unreadable: { href: '/pipeline', words: 'Look at the partitions' },
  open_transaction: { href: '/pipeline', words: 'Look at the partitions' },
  rebuild_awaited: { href: '/pipeline?tab=rebuild', words: 'Rebuild the view' },
  parked: { href: '/pipeline?tab=instance', words: 'Look at the instance' },
  dead_letters: { href: '/deliveries?status=dead', words: 'See the dead letters' },
  quarantine: { href: '/quarantine', words: 'See the refused records' },
  target_refuses: { href: '/pipeline?tab=targets', words: 'Look at the target' },
  target_differs: { href: '/pipeline?tab=verify', words: 'Compare with the target' },
  journal_differs: { href: '/pipeline?tab=verify', words: 'Compare with the journal' },
  defects: { href: '/pipeline?tab=instance', words: 'Look at the instance' },
  instance_not_ready: { href: '/pipeline?tab=instance', words: 'Look at the instance' },
};

import { userInfo } from 'node:os';
import { TributaryError } from '../../../core/errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { openParts } from '../order-sync.ts';

/** Lets a group go on with another database. A person decides that, and the database records the decision. */
export function takeGroupCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'take-group',
    summary:
      'Let the group go on with this database instead of its former one. The decision is recorded for ever.',
    options: [
      ['--reason <text>', 'The reason, which is recorded.'],
      ['--by <name>', 'The person who decides (default: the user of the system).'],
    ],
    examples: [
      [
        'order-sync take-group --reason "the old database is given up; this one reads the log anew"',
        'Give the group to the database of DATABASE_URL, after all its members were stopped',
      ],
      ['order-sync partitions', 'See first how far this database is'],
    ],
    async run({ settings, logger, output }, input) {
      const reason = String(input.options.reason ?? '').trim();
      if (reason === '')
        throw new TributaryError('usage', 'Give the reason by --reason: it is recorded with the decision.');
      const decidedBy = String(input.options.by ?? userInfo().username);
      const { group } = settings;
      const { store, log, close } = await openParts(settings, clock, logger);
      try {
        const storeId = await store.storeId();
        const { former } = await log.handGroupTo(group, storeId);
        await store.noteGroupTaken({
          group,
          formerStore: former,
          decidedBy,
          reason,
          decidedAtMs: clock.now(),
        });
        const before = former === null ? 'it belonged to no other store' : `it belonged to ${former}`;
        await output.document(
          { group, store: storeId, formerStore: former, decidedBy, reason },
          `The group ${group} now belongs to this database, the store ${storeId}; ${before}.`,
        );
        return EXIT.ok;
      } finally {
        await close();
      }
    },
  };
}

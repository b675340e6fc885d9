import { userInfo } from 'node:os';
import { TributaryError } from '../../../core/errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { openParts } from '../order-sync.ts';

/** A group goes on with another database than before: a person's decision, which is recorded in that database. */
export function takeGroupCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'take-group',
    summary:
      'Let the group go on with this database in place of the one it had; the decision is recorded for ever.',
    options: [
      ['--reason <text>', 'Why, for those who ask later.'],
      ['--by <name>', 'Who decides (default: the user of the system).'],
    ],
    examples: [
      [
        'order-sync take-group --reason "the old database is given up; this one reads the log anew"',
        'Give the group to the database of DATABASE_URL, once all its members are stopped',
      ],
      ['order-sync partitions', 'See first how far this database has come'],
    ],
    async run({ settings, logger, output }, input) {
      const reason = String(input.options.reason ?? '').trim();
      if (reason === '')
        throw new TributaryError('usage', 'Say why with --reason: the decision is recorded with it.');
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
        const before = former === null ? 'it belonged to no other one' : `it belonged to ${former}`;
        await output.document(
          { group, store: storeId, formerStore: former, decidedBy, reason },
          `The group ${group} belongs to this database now, whose store is ${storeId}; ${before}.`,
        );
        return EXIT.ok;
      } finally {
        await close();
      }
    },
  };
}

import { userInfo } from 'node:os';
import { TributaryError } from '../../../core/errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { openParts } from '../open-parts.ts';

export async function runTakeGroup(
  clock: Clock,
  { settings, logger, output }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
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
}

import { entityWords } from '../../../core/entity-words.ts';
import type { AuditEntry } from '../../../ports/audit.ts';
import type { Clock } from '../../../ports/clock.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { auditLine } from '../audit-text.ts';
import { LIMIT_DEFAULT } from '../commands/audit.ts';
import { auditJson } from '../job-json.ts';
import { limitFrom } from '../limit.ts';
import { openCommandStore } from '../open-parts.ts';

const PAGE_ROWS = 500;

export async function runAudit(
  clock: Clock,
  { settings, logger, output, note }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const most = limitFrom(input, LIMIT_DEFAULT);
  const store = await openCommandStore(settings, clock, logger);
  try {
    let shown = 0;
    let after: bigint | null = null;
    while (shown < most) {
      const limit: number = Math.min(PAGE_ROWS, most - shown);
      const page: AuditEntry[] = await store.listAudit({ after, limit });
      for (const entry of page)
        await output.row(auditJson(entry), auditLine(entry, entityWords(settings.synced.domain).noun));
      shown += page.length;
      after = page.at(-1)?.auditId ?? null;
      if (page.length < limit) break;
    }
    await output.endRows();
    if (shown === 0) note('Nobody has decided anything yet.');
    return EXIT.ok;
  } finally {
    await store.close();
  }
}

import { entityWords } from '../../../core/entity-words.ts';
import type { AuditEntry } from '../../../ports/audit.ts';
import type { Clock } from '../../../ports/clock.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { auditLine } from '../audit-text.ts';
import { auditJson } from '../job-json.ts';
import { limitFrom } from '../limit.ts';
import { openCommandStore } from '../order-sync.ts';

const PAGE_ROWS = 500;
const LIMIT_DEFAULT = 100;

export function auditCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'audit',
    summary: 'Show who decided what and why, the newest first.',
    options: [['--limit <number>', `Show at most this number of decisions (default: ${LIMIT_DEFAULT}).`]],
    examples: [
      ['order-sync audit', `The last ${LIMIT_DEFAULT} decisions`],
      ['order-sync audit --limit 10000 --json', 'More of them, as JSON'],
    ],
    async run({ settings, logger, output, note }, input) {
      const most = limitFrom(input, LIMIT_DEFAULT);
      const store = openCommandStore(settings, clock, logger);
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
    },
  };
}

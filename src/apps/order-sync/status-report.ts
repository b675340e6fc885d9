import { entityWords } from '../../core/entity-words.ts';
import type { InstanceStatus } from '../../pipeline/status/instance.ts';
import { reportOf, type StatusReport } from '../../pipeline/status/report.ts';
import type { SharedStatus } from '../../pipeline/status/status.ts';
import { messageFor } from '../shared/settings/domain-words.ts';
import { SYNCED_ORDERS, type Synced } from '../shared/settings/synced.ts';

/** The report of a status, whose commands are those that people type for this domain. */
export function reportFor(
  synced: Synced,
  shared: SharedStatus,
  instance: InstanceStatus | null,
): StatusReport {
  const report = reportOf(shared, instance, entityWords(synced.domain));
  if (synced === SYNCED_ORDERS) return report;
  const typed = (text: string) => messageFor(synced, synced.invocation, text);
  return {
    ...report,
    attention: report.attention.map(({ text, command, ...item }) => ({
      ...item,
      text: typed(text),
      command: command === null ? null : typed(command),
    })),
  };
}

import { TributaryError } from '../../core/errors.ts';
import { COMMAND_EVENTS_MAX } from '../../pipeline/ask/parts.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { Logger } from '../../ports/logger.ts';
import { openEventLog } from '../shared/parts/open-log.ts';
import { topicNamesOf } from '../shared/settings/synced.ts';
import { askPartsOf, type OrderAskParts } from './ask-parts.ts';
import { QuestionFault } from './ask-query.ts';
import { askedLog } from './asked-log.ts';
import { type OrderSyncSettings, openCommandStore } from './open-parts.ts';

/**
 * Opens the store for a command that asks about orders, and closes it afterwards. Changes nothing in it. The log is opened
 * only if a question asks it.
 */
export async function withAskParts<Result>(
  settings: OrderSyncSettings,
  clock: Clock,
  logger: Logger,
  work: (parts: OrderAskParts) => Promise<Result>,
): Promise<Result> {
  const opened = await openCommandStore(settings, clock, logger);
  let log: Promise<EventLog> | null = null;
  const open = () => {
    log ??= openEventLog(settings, clock, logger, { clientId: settings.synced.program });
    return log;
  };
  try {
    const store = await opened.toRead(settings.synced.domain.view);
    const topicNames = topicNamesOf(settings);
    const parts = { store, clock, topicNames, log: askedLog(open, clock), maxEvents: COMMAND_EVENTS_MAX };
    return await work(askPartsOf(settings, parts));
  } finally {
    await closeLog(log);
    await opened.close();
  }
}

async function closeLog(opening: Promise<EventLog> | null): Promise<void> {
  // A log that could not be opened has nothing to close, and the question was answered without it.
  const log = await opening?.catch(() => null);
  await log?.close();
}

/** Reads the options of a command by `read`, and reports a fault in one of them as an error of usage. */
export function fromOptions<Question>(
  flags: Readonly<Record<string, string>>,
  read: () => Question,
): Question {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof QuestionFault)) throw error;
    throw new TributaryError('usage', `${flags[error.part] ?? error.part} ${error.message}.`);
  }
}

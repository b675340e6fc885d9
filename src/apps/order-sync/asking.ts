import { TributaryError } from '../../core/errors.ts';
import { orders } from '../../orders/index.ts';
import { COMMAND_EVENTS_MAX } from '../../pipeline/ask/parts.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import { askPartsOf, type OrderAskParts } from './ask-parts.ts';
import { QuestionFault } from './ask-query.ts';
import { type OrderSyncSettings, openCommandStore, topicNamesOf } from './order-sync.ts';

/** Opens the store for a command that asks about orders, and closes it afterwards. Changes nothing in it. */
export async function withAskParts<Result>(
  settings: OrderSyncSettings,
  clock: Clock,
  logger: Logger,
  work: (parts: OrderAskParts) => Promise<Result>,
): Promise<Result> {
  const opened = openCommandStore(settings, clock, logger);
  try {
    const store = await opened.toRead(orders.view);
    const topicNames = topicNamesOf(settings);
    return await work(askPartsOf(settings, { store, clock, topicNames, maxEvents: COMMAND_EVENTS_MAX }));
  } finally {
    await opened.close();
  }
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

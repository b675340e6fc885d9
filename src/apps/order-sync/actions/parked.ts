import { type EntityWords, entityWords } from '../../../core/entity-words.ts';
import { TributaryError } from '../../../core/errors.ts';
import { quoted } from '../../../core/text.ts';
import { createDecoder } from '../../../pipeline/decode/decoder.ts';
import { epochForRows, foldOf } from '../../../pipeline/rebuild/view-mode.ts';
import { type Refolded, refold } from '../../../pipeline/verify/refold.ts';
import type { Decision, NewAuditEntry } from '../../../ports/audit.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { ParkedEntities, ParkedEntity } from '../../../ports/parked-entities.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { domainOf, topicNamesOf } from '../../shared/settings/synced.ts';
import { decisionFrom } from '../decision.ts';
import { migratedStore } from '../migrated-store.ts';
import { openCommandStore } from '../open-parts.ts';
import { dueRulesOf } from '../targets/targets.ts';

const PAGE_ROWS = 500;
/** The most orders that are released in one transaction. */
const RELEASED_AT_ONCE = 100;

export async function runParked(
  clock: Clock,
  { settings, logger, output, note }: CommandContext<'order-sync'>,
): Promise<number> {
  const store = await openCommandStore(settings, clock, logger);
  try {
    let shown = 0;
    for await (const parked of allParked(store)) {
      const { entityId, reason, detail, parkedAtMs } = parked;
      const parkedAt = new Date(parkedAtMs).toISOString();
      shown++;
      await output.row(
        { [entityWords(settings.synced.domain).idMember]: entityId, reason, detail, parkedAt },
        `${quoted(entityId, 255)}  ${reason}  since ${parkedAt}  ${quoted(detail, 1_000)}`,
      );
    }
    await output.endRows();
    if (shown === 0) note('No order is parked: all of them could be folded.');
    return EXIT.ok;
  } finally {
    await store.close();
  }
}

export async function runUnpark(
  clock: Clock,
  { settings, logger, output, note }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const asked = input.arguments;
  if ((asked.length === 0) === (input.options.all !== true))
    throw new TributaryError('usage', 'Give the ids of parked orders, or --all: see order-sync parked.');
  const decision = decisionFrom(input, clock);
  const opened = await openCommandStore(settings, clock, logger);
  try {
    const parked: string[] = [];
    for await (const { entityId } of allParked(opened)) parked.push(entityId);
    const unknown = asked.find((entityId) => !parked.includes(entityId));
    if (unknown !== undefined)
      throw new TributaryError('usage', `No order ${quoted(unknown, 255)} is parked: see order-sync parked.`);
    const domain = domainOf(settings);
    const words = entityWords(domain);
    const store = await migratedStore(opened, settings, clock);
    const decoder = createDecoder(domain, { topicNames: topicNamesOf(settings) });
    const viewEpoch = await epochForRows(store, foldOf(domain));
    const parts = { domain, decoder, due: dueRulesOf(settings), store, clock, viewEpoch };
    const ids = asked.length > 0 ? [...new Set(asked)] : parked;
    let isAnyLeft = false;
    for (let from = 0; from < ids.length; from += RELEASED_AT_ONCE) {
      const outcomes = await refold(parts, ids.slice(from, from + RELEASED_AT_ONCE), 'release');
      await store.addAudit(entryOf(words, outcomes, decision));
      for (const outcome of outcomes) {
        isAnyLeft ||= outcome.fault !== null;
        await output.row(outcomeJson(words, outcome), outcomeLine(outcome));
      }
    }
    await output.endRows();
    if (ids.length === 0) note('No order is parked: there is nothing to fold.');
    return isAnyLeft ? EXIT.partial : EXIT.ok;
  } finally {
    await opened.close();
  }
}

async function* allParked(store: ParkedEntities): AsyncGenerator<ParkedEntity> {
  for (let after: string | null = null; ; ) {
    const page: ParkedEntity[] = await store.listParked({ after, limit: PAGE_ROWS });
    yield* page;
    after = page.at(-1)?.entityId ?? null;
    if (page.length < PAGE_ROWS) return;
  }
}

/** The entry of the audit log for the orders of one transaction. It names those that go on. */
function entryOf(
  { plural, idMember }: EntityWords,
  outcomes: readonly Refolded[],
  decision: Decision,
): NewAuditEntry {
  const [first] = outcomes;
  const released = outcomes.filter(({ fault }) => fault === null).map(({ entityId }) => entityId);
  return {
    ...decision,
    action: 'entities_unparked',
    subject: outcomes.length === 1 && first !== undefined ? first.entityId : `${outcomes.length} ${plural}`,
    details: { folded: outcomes.length, released: released.length, [`${idMember}s`]: released },
  };
}

function outcomeJson({ idMember }: EntityWords, { entityId, fault }: Refolded): object {
  return {
    [idMember]: entityId,
    released: fault === null,
    reason: fault?.reason ?? null,
    detail: fault?.detail ?? null,
  };
}

function outcomeLine({ entityId, fault }: Refolded): string {
  const id = quoted(entityId, 255);
  return fault === null ? `${id} goes on` : `${id} stays parked: ${quoted(fault.detail, 1_000)}`;
}

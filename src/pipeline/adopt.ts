import type { BaselineEvent, Domain, ViewRow } from '../core/domain.ts';
import { TributaryError } from '../core/errors.ts';
import { historyOf, type Sequenced } from '../core/fold.ts';
import { canonicalJson } from '../core/json-canonical.ts';
import { utf8Length } from '../core/text.ts';
import { BASELINE_OCCURRED_AT_MS } from '../core/time.ts';
import type { JournaledEvent } from '../ports/journal.ts';
import type { AdoptedEntity } from '../ports/migration.ts';
import { sha256Hex } from './decode/bytes.ts';
import { MAX_ENTITY_ID_BYTES } from './decode/decoder.ts';

/** Turns a row of another program into events and a row of ours. Throws an Error that says what it does not understand. */
export type Adopter = (entityId: string, row: ViewRow, nowMs: number) => AdoptedEntity;

/** Makes the adopter for a domain's view. Null if the domain takes over no rows. */
export function createAdopter<State, Event>(domain: Domain<State, Event>): Adopter | null {
  const { adoption, view } = domain;
  if (adoption === undefined) return null;
  return (entityId, row, nowMs) => {
    if (!isEntityId(entityId)) {
      const fault = `its id is not 1 to ${MAX_ENTITY_ID_BYTES} bytes of text`;
      throw new TributaryError('view_not_adoptable', fault);
    }
    const events = adoption.baseline(entityId, row).map((baseline, index) => ({
      ...toJournaled(baseline, adoption.eventType, index),
      entityId,
      observedAtMs: nowMs,
      event: adoption.toEvent(baseline.body),
    }));
    const { events: sequenced, state } = historyOf<State, Event>(domain, events);
    const folded = view.row(state);
    const delivered = adoption.deliveredRow(row);
    return {
      events: sequenced.map((event) => withoutEvent(event as (typeof events)[number])),
      row: folded,
      delivery: deliveryOf(folded, delivered, view.isReady(state)),
    };
  };
}

function isEntityId(entityId: string): boolean {
  return entityId.length > 0 && entityId.isWellFormed() && utf8Length(entityId) <= MAX_ENTITY_ID_BYTES;
}

type BaselineFields = Omit<JournaledEvent, 'entityId' | 'observedAtMs'>;

function toJournaled(baseline: BaselineEvent, eventType: string, index: number): BaselineFields {
  const data = canonicalJson(baseline.body);
  return {
    eventId: baseline.eventId,
    contentHash: sha256Hex(data),
    position: baseline.stage,
    occurredAtMs: BASELINE_OCCURRED_AT_MS,
    cautionRank: 0,
    eventType,
    revision: null,
    // These events come from no log. No topic has an empty name, so their places differ from those of all records.
    topic: '',
    partition: 0,
    offset: BigInt(index),
    data,
  };
}

function withoutEvent<Event>(sequenced: JournaledEvent & Sequenced<Event>): JournaledEvent {
  const { event: _, ...journaled } = sequenced;
  return journaled;
}

function deliveryOf(folded: ViewRow, delivered: ViewRow | null, isReady: boolean): AdoptedEntity['delivery'] {
  if (delivered === null) return isReady ? 'due' : 'none';
  return delivered.length === folded.length && delivered.every((value, index) => value === folded[index])
    ? 'sent'
    : 'due';
}

import type { Domain, ViewRow } from '../../src/core/domain.ts';
import type { JsonSchema } from '../../src/pipeline/definition/body-types.ts';
import { defineDomain } from '../../src/pipeline/definition/define-domain.ts';
import type { EventDefinition } from '../../src/pipeline/definition/definition.ts';

/** The state of a parcel. */
export interface Parcel {
  readonly place: string | null;
  readonly stops: number;
  readonly isDelivered: boolean;
}

const FIRST: Parcel = { place: null, stops: 0, isDelivered: false };

const PLACE = { type: 'string', maxLength: 40 } as const;

const MOVED = {
  schema: { properties: { place: PLACE, note: { type: 'string' } }, required: ['place'] },
} as const;
const DELIVERED = {
  stage: 2,
  schema: { properties: { by: PLACE }, required: ['by'] },
} as const;

/** The bodies of one parcel, in the sequence in which they happened. */
export const SAMPLES = [
  body('PARCEL_MOVED', 8, { place: 'Basel', note: 'early' }),
  body('PARCEL_MOVED', 9, { place: 'Olten' }),
  body('PARCEL_MOVED', 9, { place: 'Bern' }),
  body('PARCEL_DELIVERED', 11, { by: 'Ann' }),
];

export function body(eventType: string, hour: number, fields: object, parcelId = 'P1') {
  const at = `2026-01-01T${String(hour).padStart(2, '0')}:00:00Z`;
  return { eventType, parcelId, at, ...fields };
}

type Moved = { readonly place: string; readonly note?: string };

/** What a test changes in the right domain. */
export interface Change {
  readonly moved?: Partial<EventDefinition<JsonSchema>>;
  readonly delivered?: Partial<EventDefinition<JsonSchema>>;
  readonly onMoved?: (state: Parcel, moved: Moved) => Parcel;
  readonly onDelivered?: (state: Parcel) => Parcel;
  readonly view?: Partial<Domain<Parcel, unknown>['view']>;
}

/** A domain without a mistake, but for this change. */
export function parcels({
  moved,
  delivered,
  onMoved,
  onDelivered,
  view,
}: Change = {}): Domain<unknown, unknown> {
  const events: Record<'PARCEL_MOVED' | 'PARCEL_DELIVERED', EventDefinition<JsonSchema>> = {
    PARCEL_MOVED: { ...MOVED, ...moved },
    PARCEL_DELIVERED: { ...DELIVERED, ...delivered },
  };
  const fold = {
    moved: onMoved ?? ((state: Parcel, { place }: Moved) => ({ ...state, place, stops: state.stops + 1 })),
    delivered: onDelivered ?? ((state: Parcel) => ({ ...state, isDelivered: true })),
  };
  return defineDomain({
    name: 'parcels',
    noun: 'parcel',
    topic: 'parcels',
    entityIdField: 'parcelId',
    occurredAtField: 'at',
    events,
    initialState: FIRST,
    evolve: {
      PARCEL_MOVED: (state, given) => fold.moved(state, given as unknown as Moved),
      PARCEL_DELIVERED: fold.delivered,
    },
    view: {
      table: 'parcels',
      keyColumn: 'parcel_id',
      columns: [
        { name: 'place', type: 'text', maxLength: 40 },
        { name: 'stops', type: 'integer' },
        { name: 'delivered', type: 'boolean' },
      ],
      row: ({ place, stops, isDelivered }) => [place, stops, isDelivered],
      isReady: ({ isDelivered }) => isDelivered,
      readyColumn: 'delivered',
      whyNotReady,
      ...view,
    },
  });
}

export function whyNotReady([, , isDelivered]: ViewRow) {
  if (isDelivered === true) return null;
  return {
    waitsFor: 'delivery',
    column: null,
    because: 'it is on its way',
    missing: 'its delivery has not arrived',
  };
}

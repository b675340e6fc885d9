import { PAGE_ROWS_MAX } from '../../shared/http/paging.ts';
import { EXPORT_FORMATS } from '../export-text.ts';
import { ABSENCE } from './absence-schemas.ts';
import { DELIVERY_SCHEMA } from './schemas.ts';

/** JSON Schemas of the questions about orders and of their answers. The OpenAPI document is made of these. */

const TEXT = { type: 'string' } as const;
const TEXT_OR_NONE = { type: ['string', 'null'] } as const;
const COUNT = { type: 'integer' } as const;
const FLAG = { type: 'boolean' } as const;
const MOMENT = { type: 'string', description: 'A moment in UTC (RFC 3339).' } as const;
const MOMENT_OR_NONE = {
  type: ['string', 'null'],
  description: 'A moment in UTC (RFC 3339), or null.',
} as const;
const VALUE = { type: ['string', 'integer', 'boolean', 'null', 'object', 'array'] } as const;
const ROW = {
  type: 'object',
  description: "The view's columns by their names, without the id.",
  additionalProperties: VALUE,
} as const;
const ROW_OR_NONE = { ...ROW, type: ['object', 'null'] } as const;
const VERSIONS = { type: 'array', items: COUNT } as const;

/** `const` keeps the literals, so that types of answers can be made of the schemas. */
const objectOf = <const Properties extends Readonly<Record<string, object>>>(properties: Properties) =>
  ({
    type: 'object',
    required: Object.keys(properties) as readonly (keyof Properties & string)[],
    properties,
  }) as const;

const PAGE = objectOf({
  next: { type: ['string', 'null'], description: 'Give it as after to get the next page.' },
  hasMore: FLAG,
});
const LINK_HEADER = {
  link: { description: 'The address of the next page, with rel="next", if there is one.', schema: TEXT },
} as const;

const PAGE_PROPERTIES = {
  limit: { type: 'integer', minimum: 1, maximum: PAGE_ROWS_MAX },
  after: { type: 'string', description: 'The next of the page before.' },
} as const;

const OLDER_THAN = {
  type: 'string',
  description: 'Only orders whose last event was journaled at least this long ago, as in 90s, 15m, 1h or 2d.',
} as const;

export const EVENTS_QUERY = { type: 'object', properties: PAGE_PROPERTIES } as const;
export const STUCK_QUERY = {
  type: 'object',
  properties: { olderThan: OLDER_THAN, ...PAGE_PROPERTIES },
} as const;

/** The filters of orders, which the list and the export share. */
export const ORDER_FILTERS = {
  type: 'object',
  properties: {
    status: { type: 'string', description: 'Only orders with this value in one of their status columns.' },
    where: {
      type: 'array',
      items: TEXT,
      description:
        'Only orders with this value, as column=value. null means no value. It may be given several times.',
    },
    ready: { type: 'boolean', description: 'true: only orders that are ready.' },
    notDelivered: {
      type: 'boolean',
      description: 'true: only orders of which a target has not got the latest state.',
    },
    inFlight: {
      type: 'boolean',
      description:
        'true: only orders of which a target has not got the latest state and is sent it: due or tried, and not dead.',
    },
    dead: { type: 'boolean', description: 'true: only orders with a dead delivery.' },
    delivered: {
      type: 'boolean',
      description:
        'true: only orders that were due to a target, and of which every target has got the latest state.',
    },
    stuck: {
      type: 'boolean',
      description: 'true: only orders that have waited for an event longer than ORDER_SYNC_STUCK_AFTER.',
    },
    olderThan: OLDER_THAN,
  },
} as const;

export const ORDERS_QUERY = {
  type: 'object',
  properties: { ...ORDER_FILTERS.properties, ...PAGE_PROPERTIES },
} as const;

export const EXPORT_QUERY = {
  type: 'object',
  properties: {
    format: { type: 'string', enum: EXPORT_FORMATS, description: 'Default: csv.' },
    ...ORDER_FILTERS.properties,
  },
} as const;

/** The file has no length, so that the connection breaks if it cannot be finished. */
export const EXPORT_SCHEMA = {
  description:
    'The orders, sorted by the bytes of their ids. csv: by RFC 4180, with a header line: the id, the version, the columns of the view, and waitsFor. An empty field has no value. Texts are not changed, so a spreadsheet takes one that begins with =, +, - or @ for a formula. ndjson: one JSON object a line, as in the data of GET /api/v1/orders.',
  content: {
    'text/csv': { schema: { type: 'string' } },
    'application/x-ndjson': { schema: { type: 'string' } },
  },
  headers: {
    'content-disposition': {
      description: 'attachment, with the name orders.csv or orders.ndjson.',
      schema: { type: 'string' },
    },
  },
} as const;

const LISTED = objectOf({
  orderId: TEXT,
  version: COUNT,
  row: ROW,
  waitsFor: { ...TEXT_OR_NONE, description: 'The event that the order waits for: order, payment or review.' },
  lastJournaledAt: {
    ...TEXT_OR_NONE,
    description: 'When its last event was journaled. Only with stuck or olderThan; else null.',
  },
});

export const ORDERS_SCHEMA = {
  description:
    'A page of orders, sorted by the bytes of their ids. It looks at no more than 10,000 rows, so that it may have fewer orders than limit, or none, although others follow: page.hasMore tells.',
  ...objectOf({ data: { type: 'array', items: LISTED }, page: PAGE }),
  headers: LINK_HEADER,
} as const;

export const ORDER_SCHEMA = {
  description: 'The row of the order in the view.',
  ...objectOf({ orderId: TEXT, version: COUNT, row: ROW }),
} as const;

const EVENT_NAME = {
  type: ['object', 'null'],
  properties: { version: COUNT, eventId: TEXT, eventType: TEXT, occurredAt: MOMENT },
} as const;

const EVENT_FIELDS = {
  eventId: TEXT,
  contentHash: { type: 'string', description: 'SHA-256 of the body as canonical JSON, in hexadecimal.' },
  eventType: TEXT,
  revision: { type: ['integer', 'null'] },
  position: { type: 'integer', description: 'The first part of its place in canonical sequence.' },
  occurredAt: MOMENT,
} as const;

const EVENT = {
  version: {
    type: 'integer',
    description: 'The place by arrival: the version of the order with this event.',
  },
  ...EVENT_FIELDS,
  journaledAt: MOMENT,
  topic: { type: 'string', description: 'Empty for an event that was taken over with the table.' },
  partition: COUNT,
  offset: { type: 'string', description: 'A whole number, as a text.' },
} as const;

const MARKS = {
  place: { type: ['integer', 'null'], description: 'The place in canonical sequence, from 1.' },
  late: {
    type: ['boolean', 'null'],
    description: 'Whether it arrived after an event that stands behind it.',
  },
  conflictsWith: { ...VERSIONS, description: 'The versions of events with the same id and another content.' },
} as const;

export const EVENTS_SCHEMA = {
  description:
    'A page of the events of the order, in the sequence of their arrival. A record that repeats an event is not journaled and so is not here. For an order with more than 10,000 events place and late are null.',
  ...objectOf({
    data: {
      type: 'array',
      items: objectOf({
        ...EVENT,
        ...MARKS,
        data: { type: 'string', description: 'The body as it was received.' },
      }),
    },
    page: PAGE,
  }),
  headers: LINK_HEADER,
} as const;

const DECIDED_COLUMNS = {
  type: 'array',
  items: objectOf({ column: TEXT, value: VALUE, decidedBy: EVENT_NAME }),
} as const;

const SIDE = {
  moment: TEXT,
  row: ROW,
  ready: FLAG,
  events: { type: 'integer', description: 'The number of events that count.' },
  versions: {
    type: ['array', 'null'],
    items: COUNT,
    description: 'The versions of these events; null if there are more than 1,000.',
  },
} as const;

export const STATE_QUERY = {
  type: 'object',
  properties: {
    at: { type: 'string', description: 'By the events that had happened by this moment (RFC 3339).' },
    asKnownAt: { type: 'string', description: 'By the events that were journaled by this moment.' },
    version: {
      type: 'integer',
      minimum: 0,
      description: 'By the first events, as many as the version says.',
    },
  },
} as const;

export const STATE_SCHEMA = {
  description: 'The state of the order by the events that count.',
  ...objectOf({
    orderId: TEXT,
    explanation: {
      type: 'string',
      description: 'Why it was or was not ready, in a plain sentence. Its words may change.',
    },
    ...SIDE,
    version: { type: 'integer', description: 'The version of the order now.' },
    columns: DECIDED_COLUMNS,
  }),
} as const;

const COLUMN_CHANGE = { column: TEXT, from: VALUE, to: VALUE } as const;
const SIDE_FORM = 'A version (3), a moment (2026-11-22T10:00:00Z), known:<moment>, or now.';

export const DIFF_QUERY = {
  type: 'object',
  required: ['from', 'to'],
  properties: {
    from: { type: 'string', description: SIDE_FORM },
    to: { type: 'string', description: SIDE_FORM },
  },
} as const;

export const DIFF_SCHEMA = {
  description: 'What differs between two moments of the order.',
  ...objectOf({
    orderId: TEXT,
    from: objectOf(SIDE),
    to: objectOf(SIDE),
    columns: { type: 'array', items: objectOf({ ...COLUMN_CHANGE, decidedBy: EVENT_NAME }) },
    added: {
      type: 'array',
      items: objectOf(EVENT),
      description: 'At most 1,000 events that count only at to.',
    },
    removed: {
      type: 'array',
      items: objectOf(EVENT),
      description: 'At most 1,000 events that count only at from.',
    },
  }),
} as const;

export const EXPLANATION_SCHEMA = {
  description: 'Why the order is or is not ready, where its deliveries stand, and what that follows from.',
  ...objectOf({
    orderId: TEXT,
    explanation: { type: 'string', description: 'Plain sentences. Their words may change.' },
    version: { type: 'integer', description: 'The number of its events. 0 if the journal has none.' },
    row: ROW_OR_NONE,
    ready: FLAG,
    waiting: {
      type: ['object', 'null'],
      required: ['for', 'since', 'lastJournaledAt'],
      properties: { for: TEXT, since: MOMENT_OR_NONE, lastJournaledAt: MOMENT },
    },
    parked: {
      type: ['object', 'null'],
      required: ['reason', 'detail', 'parkedAt'],
      properties: { reason: TEXT, detail: TEXT, parkedAt: MOMENT },
    },
    ...ABSENCE,
    rowDiffersFromJournal: FLAG,
    waitsForRebuild: {
      type: 'boolean',
      description: 'Whether rows and deliveries stay as they are until a rebuild.',
    },
    columns: DECIDED_COLUMNS,
    allEventsShown: { type: 'boolean', description: 'false: only the last 100 events are shown.' },
    events: {
      type: 'array',
      items: objectOf({
        ...EVENT,
        ...MARKS,
        changed: {
          type: ['array', 'null'],
          items: TEXT,
          description: 'The columns that it changed, in canonical sequence.',
        },
      }),
    },
    canonicalSequence: { ...VERSIONS, description: 'The versions of these events in canonical sequence.' },
    deliveries: { type: 'array', items: DELIVERY_SCHEMA },
  }),
} as const;

export const WHAT_IF_BODY = {
  type: 'object',
  required: ['event'],
  additionalProperties: false,
  properties: {
    event: {
      description: "The event's body: as an object, or as the exact text that a record would have.",
      type: ['object', 'string'],
    },
  },
} as const;

const STATE_OR_NONE = {
  type: ['object', 'null'],
  required: ['row', 'ready'],
  properties: { row: ROW, ready: FLAG },
} as const;

export const WHAT_IF_SCHEMA = {
  description: 'What would happen if a record with this body arrived now. Nothing was written.',
  ...objectOf({
    orderId: TEXT,
    outcome: { type: 'string', enum: ['changes', 'duplicate', 'parked', 'refused'] },
    reason: { ...TEXT_OR_NONE, description: 'Why it would be refused, or why the order is parked.' },
    detail: TEXT_OR_NONE,
    event: { type: ['object', 'null'], properties: EVENT_FIELDS },
    knownAsVersion: {
      type: ['integer', 'null'],
      description: 'The version of the same event, if it is a duplicate.',
    },
    version: { type: ['integer', 'null'], description: 'The version that the order would have.' },
    late: { type: ['boolean', 'null'] },
    conflictsWith: VERSIONS,
    before: STATE_OR_NONE,
    after: STATE_OR_NONE,
    columns: { type: 'array', items: objectOf(COLUMN_CHANGE) },
    waitsForRebuild: {
      type: ['boolean', 'null'],
      description: 'Whether rows and deliveries stay as they are until a rebuild. Then nothing becomes due.',
    },
    due: { type: 'array', items: objectOf({ target: TEXT, version: COUNT }) },
  }),
} as const;

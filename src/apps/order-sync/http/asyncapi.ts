import type { FastifyInstance } from 'fastify';
import packageJson from '../../../../package.json' with { type: 'json' };
import { MAX_ENTITY_ID_BYTES } from '../../../pipeline/decode/decoder.ts';
import { inWordsOf } from '../../shared/settings/domain-words.ts';
import type { KnownEventType } from '../event-types.ts';
import type { ServerParts } from './server-parts.ts';

/** The version of the Kafka bindings. Source: asyncapi/bindings, kafka, 0.5.0. */
const BINDING_VERSION = '0.5.0';

/** How the event types on the topics look, and who reads them. */
export type AsyncApiParts = Pick<ServerParts, 'eventTypes' | 'group' | 'synced'>;

/** Adds `/asyncapi.json`. It names topics and the group of this installation, so that it needs a key like its data. */
export function addAsyncApiRoute(app: FastifyInstance, parts: AsyncApiParts): void {
  const document = asyncApiDocument(parts);
  const schema = {
    operationId: 'describeTopics',
    summary: 'The topics that are read, and the forms of their records, as an AsyncAPI document.',
    response: {
      200: { description: 'AsyncAPI 3.1.', content: { 'application/json': { schema: { type: 'object' } } } },
    },
  };
  app.get('/asyncapi.json', { schema }, (_request, reply) => {
    void reply.type('application/json').serializer(JSON.stringify).send(document);
  });
}

/**
 * The AsyncAPI document of the topics. Each event type has three messages, one for each form that the decoder takes: the
 * plain body, the body with the headers of a CloudEvent, and the envelope of a CloudEvent. Sources: AsyncAPI 3.1.0;
 * CloudEvents 1.0.2, Kafka Protocol Binding.
 */
export function asyncApiDocument({ eventTypes, group, synced }: AsyncApiParts): object {
  const topics = [...new Set(eventTypes.map(({ topic }) => topic))];
  const namesOn = (topic: string) =>
    eventTypes.filter((each) => each.topic === topic).flatMap((each) => Object.keys(messagesOf(each)));
  return {
    asyncapi: '3.1.0',
    info: {
      title: synced.program,
      version: packageJson.version,
      description: `The records that ${synced.program} reads. It journals each event once, whatever form it comes in.`,
      license: { name: packageJson.license },
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(
      topics.map((topic) => [
        topic,
        {
          address: topic,
          description: inWordsOf(
            synced,
            'Records of one order have the same key, so that they are in one partition.',
          ),
          messages: Object.fromEntries(
            namesOn(topic).map((name) => [name, { $ref: `#/components/messages/${name}` }]),
          ),
          bindings: { kafka: { topic, bindingVersion: BINDING_VERSION } },
        },
      ]),
    ),
    operations: Object.fromEntries(
      topics.map((topic) => [
        `journal_${topic}`,
        {
          action: 'receive',
          channel: { $ref: `#/channels/${pointerPart(topic)}` },
          summary: 'Journals each event, and puts every other record into quarantine.',
          messages: namesOn(topic).map((name) => ({
            $ref: `#/channels/${pointerPart(topic)}/messages/${name}`,
          })),
          bindings: {
            kafka: { groupId: { type: 'string', enum: [group] }, bindingVersion: BINDING_VERSION },
          },
        },
      ]),
    ),
    components: {
      messages: Object.assign({}, ...eventTypes.map(messagesOf)),
      schemas: Object.fromEntries(eventTypes.map(({ eventType, schema }) => [eventType, schema])),
    },
  };
}

/** Escapes a name for a JSON Pointer. Source: RFC 6901, 3. */
function pointerPart(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

const KEY = {
  type: 'string',
  minLength: 1,
  maxLength: MAX_ENTITY_ID_BYTES,
  description: `The order id in UTF-8, ${MAX_ENTITY_ID_BYTES} bytes at most.`,
} as const;

const BINDINGS = { kafka: { key: KEY, bindingVersion: BINDING_VERSION } } as const;

const TRACE_HEADERS = {
  traceparent: { type: 'string', description: 'The trace that goes on to the target (W3C Trace Context).' },
  tracestate: { type: 'string' },
} as const;

function messagesOf({ eventType }: KnownEventType): Record<string, object> {
  const payload = { $ref: `#/components/schemas/${eventType}` };
  return {
    [eventType]: {
      name: eventType,
      title: `${eventType} as a plain body`,
      summary: 'The event id is `eventId` of the body, else a hash of its meaningful fields.',
      contentType: 'application/json',
      headers: { type: 'object', properties: { 'content-type': CONTENT_TYPE, ...TRACE_HEADERS } },
      payload,
      bindings: BINDINGS,
    },
    [`${eventType}_cloudevent`]: {
      name: `${eventType}_cloudevent`,
      title: `${eventType} as a CloudEvent in binary mode`,
      summary:
        'What event-producer sends: the plain body, and the attributes as headers. The event id is `ce_id`.',
      contentType: 'application/json',
      headers: {
        type: 'object',
        required: ['ce_specversion', 'ce_id', 'ce_source', 'ce_type'],
        properties: {
          'content-type': CONTENT_TYPE,
          ce_specversion: { const: '1.0' },
          ce_id: { type: 'string', minLength: 1 },
          ce_source: { type: 'string', minLength: 1 },
          ce_type: { type: 'string', minLength: 1 },
          ce_time: { type: 'string', format: 'date-time' },
          ce_subject: { type: 'string', description: 'The order id.' },
          ce_partitionkey: { type: 'string', description: 'The order id.' },
          ...TRACE_HEADERS,
        },
      },
      payload,
      bindings: BINDINGS,
    },
    [`${eventType}_envelope`]: {
      name: `${eventType}_envelope`,
      title: `${eventType} as a CloudEvent in structured mode`,
      summary: 'The body is `data` of the envelope, or its bytes are `data_base64`. The event id is `id`.',
      contentType: 'application/cloudevents+json',
      headers: {
        type: 'object',
        required: ['content-type'],
        properties: {
          'content-type': { type: 'string', pattern: '^application/cloudevents(\\+json)?( *;.*)?$' },
          ...TRACE_HEADERS,
        },
      },
      payload: {
        type: 'object',
        required: ['specversion', 'id', 'source', 'type'],
        oneOf: [{ required: ['data'] }, { required: ['data_base64'] }],
        properties: {
          specversion: { const: '1.0' },
          id: { type: 'string', minLength: 1 },
          source: { type: 'string', minLength: 1 },
          type: { type: 'string', minLength: 1 },
          datacontenttype: { type: 'string' },
          data: payload,
          data_base64: { type: 'string', contentEncoding: 'base64' },
        },
      },
      bindings: BINDINGS,
    },
  };
}

const CONTENT_TYPE = {
  type: 'string',
  description: 'application/json, or another JSON in UTF-8. Default: application/json.',
} as const;

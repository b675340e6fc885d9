import { Code } from './codes.ts';
import type { ApiName, RequestOf, ResponseOf } from './messages.ts';

/** Where in a response an error code stands. */
export type Place = 'top' | 'topic' | 'partition' | 'group' | 'key' | 'member';

/** A topic or a partition. Undefined where a request or a rule names none. */
export interface About {
  readonly topic?: string | undefined;
  readonly partition?: number | undefined;
}

/** One error code of a response, and what it is about. */
interface Slot extends About {
  /** Puts the code in, and takes out what a broker leaves out beside an error. */
  put(code: number): void;
}

type SlotsOf<Name extends ApiName> = {
  readonly [Each in Place]?: (response: ResponseOf<Name>, topicName: (topicId: string) => string) => Slot[];
};

/** A slot in an object with an error code. `blank` are the fields beside it. */
function slot<Holder extends { errorCode: number }>(
  holder: Holder,
  about: About = {},
  blank: Partial<Holder> = {},
): Slot {
  return { ...about, put: (errorCode) => void Object.assign(holder, blank, { errorCode }) };
}

const top = { top: (response: { errorCode: number }) => [slot(response)] };

/** Every place of every response that has error codes. */
const places: { readonly [Name in ApiName]: SlotsOf<Name> } = {
  Produce: {
    partition: ({ topics }) =>
      topics.flatMap(({ name, partitions }) =>
        partitions.map((each) => slot(each, { topic: name, partition: each.partition })),
      ),
  },
  Fetch: {
    top: (response) => [slot(response, {}, { topics: [] })],
    partition: ({ topics }, topicName) =>
      topics.flatMap(({ topicId, partitions }) =>
        partitions.map((each) =>
          slot(
            each,
            { topic: topicName(topicId), partition: each.partition },
            {
              highWatermark: -1n,
              lastStableOffset: -1n,
              logStartOffset: -1n,
              abortedTransactions: null,
              records: Buffer.alloc(0),
              divergingEpoch: undefined,
            },
          ),
        ),
      ),
  },
  ListOffsets: {
    partition: ({ topics }) =>
      topics.flatMap(({ name, partitions }) =>
        partitions.map((each) =>
          slot(each, { topic: name, partition: each.partition }, { offset: -1n, leaderEpoch: -1 }),
        ),
      ),
  },
  Metadata: {
    topic: ({ topics }) => topics.map((each) => slot(each, { topic: each.name ?? '' }, { partitions: [] })),
    partition: ({ topics }) =>
      topics.flatMap(({ name, partitions }) =>
        partitions.map((each) => {
          const about = { topic: name ?? '', partition: each.partition };
          // Without a listener or an election there is no leader. An unavailable replica says nothing about it.
          return {
            ...about,
            put: (code) =>
              slot(each, about, code === Code.REPLICA_NOT_AVAILABLE ? {} : { leaderId: -1 }).put(code),
          };
        }),
      ),
  },
  OffsetCommit: {
    partition: ({ topics }) =>
      topics.flatMap(({ name, partitions }) =>
        partitions.map((each) => slot(each, { topic: name, partition: each.partition })),
      ),
  },
  OffsetFetch: {
    group: ({ groups }) => groups.map((each) => slot(each, {}, { topics: [] })),
    partition: ({ groups }) =>
      groups.flatMap(({ topics }) =>
        topics.flatMap(({ name, partitions }) =>
          partitions.map((each) =>
            slot(each, { topic: name, partition: each.partition }, { committedOffset: -1n, metadata: '' }),
          ),
        ),
      ),
  },
  FindCoordinator: {
    key: ({ coordinators }) => coordinators.map((each) => slot(each, {}, { nodeId: -1, host: '', port: -1 })),
  },
  JoinGroup: top,
  Heartbeat: top,
  LeaveGroup: { ...top, member: ({ members }) => members.map((each) => slot(each)) },
  SyncGroup: top,
  CreateTopics: { topic: ({ topics }) => topics.map((each) => slot(each, { topic: each.name })) },
  InitProducerId: { top: (response) => [slot(response, {}, { producerId: -1n, producerEpoch: -1 })] },
  ListTransactions: { top: (response) => [slot(response, {}, { transactions: [] })] },
};

/** The places at which this response has error codes. */
export function placesOf(api: ApiName): Place[] {
  return Object.keys(places[api]) as Place[];
}

/** Puts the code in at this place of the response, for the given partition or for all. */
export function putCode(
  api: ApiName,
  response: unknown,
  error: { readonly at: Place; readonly code: number; readonly on: About | undefined },
  topicName: (topicId: string) => string,
): void {
  const find = places[api][error.at] as ((from: unknown, name: typeof topicName) => Slot[]) | undefined;
  if (find === undefined) throw new Error(`${api} has no error code at its ${error.at}.`);
  for (const each of find(response, topicName)) if (isOn(each, error.on)) each.put(error.code);
}

export function isOn(what: About, on: About | undefined): boolean {
  const isTopic = on?.topic === undefined || what.topic === undefined || what.topic === on.topic;
  const isPartition =
    on?.partition === undefined || what.partition === undefined || what.partition === on.partition;
  return isTopic && isPartition;
}

/** The topics or partitions that a request names. Empty if it names none. */
export function namedIn(api: ApiName, request: unknown, topicName: (topicId: string) => string): About[] {
  switch (api) {
    case 'Produce':
    case 'ListOffsets':
    case 'OffsetCommit':
      return (request as RequestOf<'ListOffsets'>).topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partition }) => ({ topic: name, partition })),
      );
    case 'Fetch':
      return (request as RequestOf<'Fetch'>).topics.flatMap(({ topicId, partitions }) =>
        partitions.map(({ partition }) => ({ topic: topicName(topicId), partition })),
      );
    case 'Metadata':
      return ((request as RequestOf<'Metadata'>).topics ?? []).map(({ name }) => ({ topic: name ?? '' }));
    case 'CreateTopics':
      return (request as RequestOf<'CreateTopics'>).topics.map(({ name }) => ({ topic: name }));
    default:
      return [];
  }
}

import type { FastifyInstance, InjectOptions } from 'fastify';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { buildServer } from '../../../../src/apps/order-sync/http/server.ts';
import type { ServerParts } from '../../../../src/apps/order-sync/http/server-parts.ts';
import { reportOf } from '../../../../src/pipeline/status/report.ts';
import { StatusReader } from '../../../../src/pipeline/status/status.ts';
import type { EventLog } from '../../../../src/ports/event-log.ts';
import { askPartsFor } from '../../../helpers/order-store.ts';
import { heldInject } from '../../shared/http/held-answers.ts';
import { type Ledger, ledgerOf } from '../ledger.ts';
import { UNUSED_PARTS } from './parts.ts';

export interface TestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into any body.
  readonly body: any;
}

export interface TestServer extends Ledger {
  readonly app: FastifyInstance;
  /** The number of jobs that were announced. */
  readonly jobs: () => number;
  /** Sends a request. Its answer has to fit the program's own OpenAPI document. */
  ask(url: string, options?: InjectOptions): Promise<TestAnswer>;
}

/** A log in which nothing has happened yet. */
const NO_LOG: Pick<EventLog, 'partitionCounts' | 'peek'> = {
  partitionCounts: async (topics) => new Map(topics.map((topic) => [topic, 1])),
  peek: async (from) =>
    from.map(({ topic, partition }) => ({
      kind: 'peeked',
      topic,
      partition,
      topicId: 'topic-id-1',
      startOffset: 0n,
      endOffset: 0n,
      highWatermark: 0n,
      first: { kind: 'none' },
      openTransaction: null,
    })),
};

/** The HTTP API of order-sync on a store with these orders, as `ledgerOf` makes it. */
export async function testServer(
  ids: readonly string[],
  parts: Partial<ServerParts> = {},
): Promise<TestServer> {
  const ledger = await ledgerOf(ids);
  let jobs = 0;
  const shared = new StatusReader({
    store: ledger.store,
    log: NO_LOG,
    clock: systemClock,
    topics: ['order_events'],
    targets: ['order-mgt'],
  });
  const app = buildServer({
    ...UNUSED_PARTS,
    store: ledger.store,
    migrated: () => ledger.store,
    clock: ledger.clock,
    ask: () => askPartsFor(ledger.store),
    onJob: () => void jobs++,
    report: async () => reportOf(await shared.read(), null),
    ...parts,
  });
  onTestFinished(() => app.close());
  const inject = heldInject(app);
  return {
    ...ledger,
    app,
    jobs: () => jobs,
    async ask(url, options = {}) {
      const { statusCode, headers, body } = await inject({ url, ...options });
      const isText = String(headers['content-type']).startsWith('text/plain');
      return { status: statusCode, headers, body: isText ? body : body === '' ? null : JSON.parse(body) };
    },
  };
}

import { join } from 'node:path';
import { run } from '../../services/commands.ts';
import { buildGo } from '../../services/golang.ts';
import { type Fact, factOf, objectOf, statusField, timeWith, withoutTrailingZeros } from './facts.ts';
import { PARTITIONS, type Stage } from './stage.ts';
import type { Published, Variant } from './variant.ts';

/** A program of Go publishes: `encoding/json` writes the values, and sarama chooses the partitions. */
export const GOLANG: readonly Variant[] = [
  { name: 'go', needs: [], form: /plain events/, publish: publishByGo },
];

async function publishByGo(stage: Stage): Promise<Published> {
  const { check, events, brokers } = stage;
  const topics = await stage.makeTopics('go');
  const source = join(import.meta.dirname, 'programs', 'producer.go');
  const program = await buildGo(source, check.temporaryFolder(), (line) => check.progress(line));
  const facts = events.map(factOf);
  const input = facts.map((fact) => `${JSON.stringify(fact)}\n`).join('');
  await run(program, [brokers.join(','), topics.order, topics.payment], { stdin: input, timeoutMs: 60_000 });
  return {
    topics,
    partitions: PARTITIONS,
    events: facts.map((fact, number) => ({
      topic: fact.type === 'ORDER' ? 'order' : 'payment',
      orderId: fact.orderId,
      id: null,
      body: bodyOf(fact, number),
    })),
  };
}

const AMOUNTS = ['1e21', '0.0000001', '10.5', '0.1', '100000000000000000000', '0'];

/** The body by what it means. The program writes `1e+21`, `\u003c` and the like. */
function bodyOf(fact: Fact, number: number): string {
  return objectOf({
    eventType: JSON.stringify(fact.type),
    orderId: JSON.stringify(fact.orderId),
    [statusField(fact)]: JSON.stringify(fact.status),
    timestamp: JSON.stringify(withoutTrailingZeros(timeWith(fact.at, '456789')).replace('+00:00', 'Z')),
    revision: String(fact.revision),
    eventId: fact.eventId === null ? undefined : JSON.stringify(fact.eventId),
    customerId: '7328465923847562342',
    amount: AMOUNTS[number % AMOUNTS.length],
    receipt: '"AQL/"',
    labels: '{"area":1,"zone":3}',
    coupon: 'null',
    note: JSON.stringify('<a href="/?a=1&b=2">caf\u00e9\u2028</a>'),
  });
}

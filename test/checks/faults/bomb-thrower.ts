/** Compresses and publishes a bomb in a process of its own, because that blocks a process for seconds. */
import { CompressionAlgorithms, Producer } from '@platformatic/kafka';
import type { Bomb } from './bomb.ts';

const bomb = JSON.parse(process.argv[2] ?? '{}') as Bomb;
const producer = new Producer<Buffer, Buffer, Buffer, Buffer>({
  clientId: 'check-bomb',
  bootstrapBrokers: [...bomb.brokers],
  timeout: 60_000,
});
const codecs = Object.values(CompressionAlgorithms);
const compression = codecs.find((each) => each === bomb.codec);
if (compression === undefined) throw new Error(`The client library has no codec ${bomb.codec}`);
const { offsets } = await producer.send({
  compression,
  messages: Array.from({ length: bomb.records }, (_, number) => ({
    topic: bomb.topic,
    partition: bomb.partition,
    key: Buffer.from(`${bomb.codec}-${number}`),
    value: Buffer.alloc(bomb.recordBytes, 'x'),
  })),
});
await producer.close();
process.stdout.write(String(offsets?.[0]?.offset));

/**
 * A process beside that of the test. Prints what happens, each time as a line of JSON.
 *
 *     child.ts append <dataDir> <topic> <name> <appends> <records each>
 *     child.ts echo <dataDir> <from topic> <to topic>
 *     child.ts member <dataDir> <topic> <options as JSON>
 */
import { openEmbeddedLog } from '../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { UNKNOWN_LEADER_EPOCH } from '../../../src/ports/event-log.ts';
import { newRecord, plain, TestMember, valueText } from '../../contract/event-log-harness.ts';

const [mode = '', dataDir = '', topic = '', ...rest] = process.argv.slice(2);
const noTimeoutMs = 2 ** 30;

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function append(name: string, appends: number, each: number): Promise<void> {
  const log = openEmbeddedLog({ dataDir, clock: systemClock });
  await log.createTopics([{ topic, partitions: 2 }]);
  const producer = log.producer();
  for (let round = 0; round < appends; round += 1) {
    const values = Array.from({ length: each }, (_, i) => `${name}:${round * each + i}`);
    const positions = await producer.append(values.map((value) => newRecord(topic, name, value)));
    say({
      acknowledged: positions.map(({ partition, offset }, i) => [partition, Number(offset), values[i]]),
    });
  }
  await log.close();
}

async function echo(to: string): Promise<void> {
  const log = openEmbeddedLog({ dataDir, clock: systemClock, pollMs: noTimeoutMs });
  const producer = log.producer();
  const consumer = log.consumer({ group: 'echo', topics: [topic], maxBufferedBytes: 1 << 20 });
  const member = await (await new TestMember(consumer, noTimeoutMs).start()).untilHolds(1);
  say({ ready: true });
  for (;;) {
    const [record] = await member.read([{ topic, partition: 0 }], 1);
    if (record === undefined || valueText(record) === 'end') break;
    await producer.append([newRecord(to, 'k', valueText(record))]);
  }
  await log.close();
}

async function member(options: object): Promise<void> {
  const log = openEmbeddedLog({ dataDir, clock: systemClock, ...options });
  const consumer = log.consumer({ group: 'members', topics: [topic], maxBufferedBytes: 1 << 20 });
  const names = (partitions: readonly { partition: number }[]) =>
    partitions.map(({ partition }) => partition);
  await consumer.start({
    assigned: async (partitions) => {
      consumer.follow(
        partitions.map((each) => ({
          ...plain(each),
          offset: each.startOffset,
          leaderEpoch: UNKNOWN_LEADER_EPOCH,
        })),
      );
      say({ assigned: names(partitions) });
    },
    revoked: async (partitions) => say({ revoked: names(partitions) }),
    lost: async (partitions) => say({ lost: names(partitions) }),
    halted: async () => {},
  });
  // The process stops itself, and so never inside a transaction: its lock would stop every other process as well.
  process.stdin.on('data', () => process.kill(process.pid, 'SIGSTOP'));
  await new Promise((resolve) => process.stdin.once('end', resolve));
  await log.close();
}

if (mode === 'append') await append(rest[0] ?? '', Number(rest[1]), Number(rest[2]));
if (mode === 'echo') await echo(rest[0] ?? '');
if (mode === 'member') await member(JSON.parse(rest[0] ?? '{}') as object);

import { systemClock } from '../../../src/adapters/system-clock.ts';
import { inspectCommand } from '../../../src/apps/event-producer/commands/inspect.ts';
import { runCli } from '../../../src/apps/shared/cli/cli.ts';
import type { EventLog, NewRecord } from '../../../src/ports/event-log.ts';
import { casesOf } from '../../cases/cases.ts';
import { fakeHost } from '../shared/cli/fake-host.ts';

/** Appends the records of a file of cases to a topic, which is made. */
export async function appendCases(log: EventLog, topic: string, file: string): Promise<void> {
  await log.createTopics([{ topic, partitions: 2 }]);
  const records: NewRecord[] = casesOf(file).map(({ record: { key, value, headers } }) => ({
    topic,
    key,
    value,
    headers: headers.map(([name, content]) => [String(name), content]),
  }));
  const producer = log.producer();
  await producer.append(records);
  await producer.close();
}

/** Runs `event-producer inspect` inside the process. */
export async function inspect(env: Record<string, string>, ...words: string[]) {
  const host = fakeHost(['inspect', ...words], { LOG_LEVEL: 'error', ...env });
  const commands = [inspectCommand(systemClock)];
  const code = await runCli(
    { program: 'event-producer', summary: 'Publishes.', examples: [], commands },
    host,
  );
  return { code, out: host.stdout.text, error: host.stderr.text };
}

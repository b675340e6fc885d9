import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CommandResult, run } from './commands.ts';
import { readEnvironment } from './environment.ts';
import { stateFile } from './holder-client.ts';
import { startTestBroker, type TestBroker } from './test-broker.ts';

let folder: string;
let broker: TestBroker;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-main-test-'));
  broker = await startTestBroker();
});

afterAll(async () => {
  await broker.close();
  rmSync(folder, { recursive: true });
});

function services(...commandLine: string[]): Promise<CommandResult> {
  return servicesOf('/first/checkout', ...commandLine);
}

function servicesOf(checkout: string, ...commandLine: string[]): Promise<CommandResult> {
  return run(process.execPath, [join(import.meta.dirname, 'main.ts'), ...commandLine], {
    environment: {
      XDG_CACHE_HOME: folder,
      TEST_SERVICES_CHECKOUT: checkout,
      TEST_KAFKA_BROKERS: broker.address,
      TEST_DOCKER: 'never',
    },
  });
}

function stateFileOf(checkout: string): string {
  const environment = readEnvironment({ XDG_CACHE_HOME: folder, TEST_SERVICES_CHECKOUT: checkout });
  return stateFile(environment);
}

describe('npm run services', { timeout: 120_000 }, () => {
  test('prints examples first with --help', async () => {
    const { stdout } = await services('--help');
    expect(stdout).toMatch(/^Examples:\n {2}npm run services -- up/);
  });

  test('answers an unknown command or service with a usage error that suggests the right one', async () => {
    await expect(services('dwn')).rejects.toThrow(/ended with 2[\s\S]*Did you mean down/);
    await expect(services('up', '--only', 'kafka,oracle')).rejects.toThrow(
      /ended with 2[\s\S]*no oracle\. There are: kafka/,
    );
  });

  test('prints and stores addresses on "up", changes nothing on a second "up", and stops all on "down"', async () => {
    const file = stateFileOf('/first/checkout');
    expect(JSON.parse((await services('status', '--json')).stdout)).toEqual({ ok: true, running: [] });

    const first = await services('up', '--only', 'kafka');
    expect(first.stdout).toBe(
      `export KAFKA_BROKERS=${broker.address}\nexport TEST_KAFKA_BROKERS=${broker.address}\n`,
    );
    const second = JSON.parse((await services('up', '--only', 'kafka', '--json')).stdout);
    expect(second.addresses.kafka.brokers).toEqual([broker.address]);
    expect(JSON.parse(readFileSync(file, 'utf8')).processId).toBe(second.processId);
    expect(JSON.parse((await services('status', '--json')).stdout).running).toEqual(['kafka']);

    expect(JSON.parse((await services('down', '--json')).stdout)).toEqual({ ok: true, stopped: ['kafka'] });
    expect(existsSync(file)).toBe(false);
    expect(() => process.kill(second.processId, 0)).toThrow('ESRCH');
  });

  test('leaves services of another checkout running on "down", and names that checkout', async () => {
    await servicesOf('/other/checkout', 'up', '--only', 'kafka');
    const { stdout, stderr } = await services('down', '--json');
    expect(JSON.parse(stdout)).toEqual({ ok: true, stopped: [] });
    expect(stderr).toContain('Nothing of this checkout runs.');
    expect(stderr).toContain('Those of /other/checkout go on: kafka.');
    const others = async () => JSON.parse((await servicesOf('/other/checkout', 'status', '--json')).stdout);
    expect((await others()).running).toEqual(['kafka']);
    await servicesOf('/other/checkout', 'down');
    expect((await others()).running).toEqual([]);
  });
});

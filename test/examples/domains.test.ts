import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Subject } from '../../src/testing/subject.ts';
import { testDomain } from '../../src/testing/test-domain.ts';
import { CASES } from './domains.ts';

const FOLDERS = ['stock-ledger', 'subscription', 'shipment', 'bank-account', 'device'];

describe.each(CASES.map((example) => [example.domain.name, example] as const))(
  'the example %s',
  (_, example) => {
    it('keeps every law of the kit, in memory and on SQLite', async () => {
      const report = await testDomain(example.domain, example.samples, { runs: 30 });
      expect(report.stores).toEqual(['memory', 'SQLite']);
    });

    it('gives the right row of events that arrive in reverse', () => {
      const subject = new Subject(example.domain);
      const samples = example.samples.flatMap((body) => subject.sampleOf(body as never) ?? []);
      expect(samples).toHaveLength(example.samples.length);
      const { row, isReady } = example;
      expect(subject.shown(subject.stateOf(samples.reverse()))).toEqual({ row, isReady });
    });
  },
);

it.each(FOLDERS)('the domain of examples/%s has less than 40 lines', (folder) => {
  const source = readFileSync(new URL(`../../examples/${folder}/domain.ts`, import.meta.url), 'utf8');
  expect(source.trimEnd().split('\n').length).toBeLessThan(40);
});

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { QUARANTINE_REASONS } from '../../../src/pipeline/decode/reasons.ts';

it('the page explains every reason for quarantine, with a meaning and a remedy, and no other reason', () => {
  const page = readFileSync(new URL('../../../docs/quarantine.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z0-9_]+)` \| (.+) \| (.+) \|$/gm)];
  expect(rows.map(([, reason]) => reason)).toEqual(QUARANTINE_REASONS);
  for (const [, , meaning, remedy] of rows) {
    expect(meaning?.length).toBeGreaterThan(20);
    expect(remedy?.length).toBeGreaterThan(15);
  }
});

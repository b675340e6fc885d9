import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

describe('npm run check:faults', () => {
  it('says which scenarios there are when one has a wrong name, starts nothing, and ends with 2', () => {
    const script = join(import.meta.dirname, 'faults.ts');
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [script, '--scenario', 'failover,black-hole', '--database', 'sqlite'],
      { encoding: 'utf8' },
    );
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(
      /^--scenario: there is no scenario "black-hole"; there are failover, .*, or all\n$/,
    );
  });
});

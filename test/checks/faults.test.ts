import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

describe('npm run check:faults', () => {
  it('answers an unknown scenario with the list of scenarios and exit code 2, and starts no service', () => {
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

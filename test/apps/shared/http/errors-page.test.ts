import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { exitCodeOf } from '../../../../src/apps/shared/cli/exit-codes.ts';
import { ERROR_CODES, type ErrorCode, TributaryError } from '../../../../src/core/errors.ts';

const page = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')), section]),
);

describe('docs/errors.md', () => {
  it('docs/errors.md has a section for every code, and for no other', () => {
    expect([...sections.keys()].sort()).toEqual(Object.keys(ERROR_CODES).sort());
  });

  it.each(Object.keys(ERROR_CODES) as ErrorCode[])('says what %s means and what to do about it', (code) => {
    const section = sections.get(code) ?? '';
    const retryable = ERROR_CODES[code].retryable ? 'yes' : 'no';
    const exitCode = exitCodeOf(new TributaryError(code, 'a message'));
    expect(section).toContain(`Retryable: ${retryable}. Exit code: ${exitCode}.`);
    expect(section).toMatch(/\*\*Meaning\.\*\* \S+/);
    expect(section).toMatch(/\*\*Remedy\.\*\* \S+/);
  });
});

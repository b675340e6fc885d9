import { describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { publicApiPage, readPublicApi } from './api-report.ts';

describe('docs/public-api.md', () => {
  const api = readPublicApi();

  it('describes every entry of the package, with the declarations as they are', async () => {
    await expect(publicApiPage(api)).toMatchFileSnapshot('../../docs/public-api.md');
  });

  it('describes each entry of package.json, and no other', () => {
    const entries = Object.keys(manifest.exports)
      .filter((name) => name !== './package.json')
      .map((name) => name.replace(/^\./, 'tributary'));
    expect([...api.keys()].sort()).toEqual(entries.sort());
  });
});

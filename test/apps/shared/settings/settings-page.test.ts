import { expect, it } from 'vitest';
import { settingsPage } from './settings-page.ts';

it('docs/settings.md has the text that the tables of settings make', async () => {
  await expect(settingsPage()).toMatchFileSnapshot('../../../../docs/settings.md');
});

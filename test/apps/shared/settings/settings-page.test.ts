import { expect, it } from 'vitest';
import { settingsPage } from './settings-page.ts';

it('docs/settings.md says what the tables of settings say', async () => {
  await expect(settingsPage()).toMatchFileSnapshot('../../../../docs/settings.md');
});

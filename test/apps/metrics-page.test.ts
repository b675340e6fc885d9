import { expect, it } from 'vitest';
import { metricsPage } from './metrics-page.ts';

it('docs/metrics.md lists the metrics of both programs', async () => {
  await expect(metricsPage()).toMatchFileSnapshot('../../docs/metrics.md');
});

import { expect, it } from 'vitest';
import { complaintsAbout } from '../../shared/http/openapi-lint.ts';
import { testServer } from './test-server.ts';

it('the OpenAPI document of order-sync has no fault by the recommended rules of its linter', async () => {
  const { app } = await testServer([]);
  const found = await complaintsAbout((await app.inject('/openapi.json')).json());
  expect(found).toEqual([]);
});

it('the linter finds the faults of a document', async () => {
  const { app } = await testServer([]);
  const document = (await app.inject('/openapi.json')).json();
  document.paths['/livez'].get.operationId = document.paths['/readyz'].get.operationId;
  delete document.info.license;
  const rules = (await complaintsAbout(document)).map((line) => line.split(' ', 1)[0]);
  expect(rules).toEqual(expect.arrayContaining(['info-license', 'operation-operationId-unique']));
});

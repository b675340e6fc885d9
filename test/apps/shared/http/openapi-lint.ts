import { createConfig, lintFromString } from '@redocly/openapi-core';

/**
 * What the linter of Redocly says about an OpenAPI document, one line for each complaint. Its recommended rules judge, and none
 * of them is turned off here. The ones that the recommendation itself leaves off are about taste: contacts, tags, plurals.
 */
export async function complaintsAbout(document: object): Promise<string[]> {
  const config = await createConfig({ extends: ['recommended'] });
  const problems = await lintFromString({
    source: JSON.stringify(document),
    absoluteRef: '/openapi.json',
    config,
  });
  return problems.map(
    ({ ruleId, message, location }) => `${ruleId} at ${location[0]?.pointer ?? '#/'}: ${message}`,
  );
}

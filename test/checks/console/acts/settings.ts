/** The effective settings, with their source and without their secrets. */
import { cellsOf, columnOf, saying, textOf } from '../reading.ts';
import type { World } from '../world.ts';
import { SECRET } from '../world.ts';

export async function showsSettings({ page, judge, stage, look }: World): Promise<void> {
  await page.goto('/settings');
  const row = async (name: string) =>
    (await cellsOf(page, 'Settings', ['Setting', 'Value', 'Source']))
      ?.find(([setting]) => setting?.startsWith(name))
      ?.slice(1) ?? null;
  await judge.soon('a setting has its value and its source', () => row('ORDER_SYNC_TRY '), [
    'true',
    'env ORDER_SYNC_TRY',
  ]);
  await judge.soon(
    'a secret is masked',
    async () => saying((await row('ORDER_SYNC_TARGET_SECRET '))?.[0] ?? '', ['****']),
    {
      '****': true,
    },
  );
  const main = page.getByRole('main');
  const secrets = [SECRET, SECRET.replace('whsec_', ''), passwordOf(stage.place.databaseUrl)].filter(
    (secret) => secret !== '',
  );
  await judge.soon(
    'no secret is on the page',
    async () => saying((await main.textContent()) ?? '', secrets),
    Object.fromEntries(secrets.map((secret) => [secret, false])),
  );
  await look('settings');
  await page.getByRole('button', { name: 'Not the default' }).click();
  await judge.soon(
    'only what was set is listed',
    async () =>
      (await columnOf(page, 'Settings', 'Source'))?.filter((source) => source.startsWith('default')).length,
    0,
  );
  const schemas = page.getByRole('region', { name: 'Event schemas' });
  await schemas.getByText(`PAYMENT, on the topic ${stage.place.topics.payment}`).click();
  await judge.soon(
    'the schema of an event is shown',
    async () =>
      (await textOf(schemas.getByRole('region', { name: 'Schema of PAYMENT: the text' }))).includes(
        '"paymentStatus"',
      ),
    true,
  );
  for (const [name, version] of [
    ['OpenAPI of the HTTP API', '3.1'],
    ['AsyncAPI of the topics', '3.1'],
  ] as const) {
    const link = main.getByRole('link', { name });
    const href = (await link.getAttribute('href')) ?? '';
    const document = (await (await fetch(`${stage.url}${href}`)).json()) as Record<string, string>;
    judge.same(`${name} is a link to it`, (document.openapi ?? document.asyncapi)?.startsWith(version), true);
  }
}

/** The password of a database's address; '' if it has none. */
function passwordOf(url: string): string {
  return url.startsWith('mysql:') ? decodeURIComponent(new URL(url).password) : '';
}

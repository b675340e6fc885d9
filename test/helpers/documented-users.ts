import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export type DocumentedUser = 'sync_owner' | 'sync' | 'mgt_owner' | 'mgt';

const PASSWORDS = { sync_owner: 'a long password', mgt_owner: 'a long password' } as const;

/**
 * Reads the SQL under "Users and grants" in docs/operations.md, which an administrator runs. It puts the database of
 * `url` in place of the documented one, and ends every user name with `suffix`.
 */
export async function documentedUsers(url: string, suffix: string) {
  const page = await readFile(join(import.meta.dirname, '../../docs/operations.md'), 'utf8');
  const section = /### Users and grants\n([\s\S]*?)\n### /.exec(page)?.[1] ?? '';
  const database = new URL(url).pathname.slice(1);
  const [syncUsers = '', syncGrants = '', mgtUsers = '', mgtGrants = ''] = [
    ...section.matchAll(/```sql\n([\s\S]*?)```/g),
  ].map(([, sql = '']) =>
    sql
      .replaceAll('event_synchronization', database)
      .replace(/^CREATE DATABASE /gm, 'CREATE DATABASE IF NOT EXISTS ')
      .replace(/'(sync_owner|sync|mgt_owner|mgt)'@/g, `'$1_${suffix}'@`),
  );
  return {
    syncUsers,
    syncGrants,
    mgtUsers,
    mgtGrants,
    dropAll: (['sync_owner', 'sync', 'mgt_owner', 'mgt'] as const)
      .map((user) => `DROP USER IF EXISTS '${user}_${suffix}'@'%'`)
      .join(';'),
    urlFor(user: DocumentedUser): string {
      const own = new URL(url);
      own.username = `${user}_${suffix}`;
      const password =
        user in PASSWORDS ? PASSWORDS[user as keyof typeof PASSWORDS] : 'another long password';
      own.password = encodeURIComponent(password);
      return own.href;
    },
  };
}

import { TributaryError } from '../../../core/errors.ts';
import { API_SCOPES, type ApiProgram, KEY_NAME, makeApiKey, type Scope } from '../http/api-keys.ts';
import { EXIT } from './exit-codes.ts';
import type { CommandSpec } from './spec.ts';

/** `keys make` makes a key for the program's HTTP API, and the entry by which the program knows the key. */
export function keysMakeCommand<Program extends ApiProgram>(
  program: Program,
  setting: string,
): CommandSpec<Program> {
  const known = API_SCOPES[program].join(',');
  return {
    group: { name: 'keys', summary: 'Keys to the HTTP API.' },
    name: 'make',
    summary: `Make a key, print it once, and print the entry that goes into ${setting} for it.`,
    options: [
      ['--name <name>', 'The name of its holder: 1 to 64 small letters, digits, - or _.'],
      ['--scope <scopes>', `What the holder may do: ${known} (default: read).`],
    ],
    examples: [
      [`${program} keys make --name ops --scope ${known}`, 'A key for people'],
      [`${program} keys make --name dashboard --json`, 'A key that may only read, printed as JSON'],
    ],
    async run({ output, logger }, { options }) {
      const name = String(options.name ?? '');
      if (!KEY_NAME.test(name)) {
        throw new TributaryError(
          'usage',
          'Name the holder of the key by --name: 1 to 64 small letters, digits, - or _.',
        );
      }
      const scopes = scopesFrom(String(options.scope ?? 'read'), program);
      const { key, entry } = makeApiKey(name, scopes);
      await output.document({ name, scopes, key, entry, setting }, `key    ${key}\nentry  ${entry}`);
      logger('info', `Keep the key: it is not shown again. Add the entry to those in ${setting}.`);
      return EXIT.ok;
    },
  };
}

function scopesFrom(text: string, program: ApiProgram): readonly Scope[] {
  const known: readonly Scope[] = API_SCOPES[program];
  const given = text.split(',');
  if (!given.every((scope) => known.includes(scope as Scope))) {
    throw new TributaryError(
      'usage',
      `Give --scope ${known.join(' or ')}${known.length > 1 ? ', both between commas' : ''}.`,
    );
  }
  // In a fixed sequence and without repetitions, whatever the user gave.
  return known.filter((scope) => given.includes(scope));
}

import { expect, it } from 'vitest';
import { earlyImports } from './startup.ts';
import { treeOf } from './tree.ts';

const MAIN = 'src/apps/shop/main.ts';
const early = (files: Record<string, string>) => earlyImports(treeOf(files));

it('earlyImports finds adapters and packages behind any number of files', () => {
  const files = {
    [MAIN]: "import { commands } from './commands.ts';\n",
    'src/apps/shop/commands.ts': "import { open } from '../../adapters/mysql/index.ts';\nimport 'x';\n",
    'src/adapters/mysql/index.ts': "import mysql, { type Pool } from 'mysql2/promise';\n",
  };
  expect(early(files)).toEqual([
    `${MAIN} loads src/adapters/mysql/index.ts for every command, by src/apps/shop/commands.ts: import it where it is used`,
    `${MAIN} loads mysql2/promise for every command, by src/adapters/mysql/index.ts: import it where it is used`,
  ]);
});

it('earlyImports leaves types, late imports, Node and the parser of command lines alone', () => {
  const files = {
    [MAIN]: [
      "import type { A } from '../../adapters/mysql/index.ts';",
      "import { type B, type C } from '../../adapters/sqlite/index.ts';",
      "import {\n  type D,\n  type E,\n} from 'fastify';",
      "import { join } from 'node:path';",
      "import { Command } from 'commander';",
      "const late = await import('../../adapters/kafka/index.ts');",
    ].join('\n'),
  };
  expect(early(files)).toEqual([]);
  expect(early({ [MAIN]: "import { type B, open } from '../../adapters/sqlite/index.ts';\n" })).toHaveLength(
    1,
  );
  expect(early({ [MAIN]: "export { open } from 'undici';\n" })).toHaveLength(1);
});

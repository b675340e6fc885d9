import { describe, expect, it } from 'vitest';
import { deadFiles, importDirection, importsOf, KEPT_FOR_TESTS, pureParts } from './imports.ts';
import { anchorOf, brokenLinks, missingFiles, unknownCommands } from './pages.ts';
import { shortDraws } from './properties.ts';
import { environmentReaders, unseededTime } from './purity.ts';
import { longFiles, migrationNumbers, programParts, sharedReplacements, siblingParts } from './shape.ts';
import { treeOf, withoutComments } from './tree.ts';

describe('importsOf', () => {
  it('finds imports in every form, on one line or several, and none in comments', () => {
    const source = `
import a from './a.ts';
import {
  b,
  type C,
} from './b.ts';
export * from './d.ts';
export { e } from "./e.ts";
import './f.ts';
import type { G } from 'g';
const h = await import('./h.ts');
const i = await import(name);
// import j from './j.ts';
/** import k from './k.ts' */
//   const l = await import('./l.ts');
`;
    expect(importsOf(source).sort()).toEqual(
      ['./a.ts', './b.ts', './d.ts', './e.ts', './f.ts', 'g', './h.ts', '?'].sort(),
    );
  });

  it('ignores comments, and takes a URL in a text for no comment', () => {
    expect(
      withoutComments("const url = 'http://localhost'; // Date.now()\n  // more\n/* all */\nend"),
    ).toContain("const url = 'http://localhost';");
    expect(withoutComments('a; // Date.now()\n/** Date.now()\n * Date.now() */\nb')).not.toContain('Date');
  });
});

describe('the direction of imports', () => {
  const file = (path: string, specifier: string) =>
    importDirection(treeOf({ [path]: `import x from '${specifier}';\n` }));

  it.each([
    ['src/core/fold.ts', './sequence.ts'],
    ['src/ports/store.ts', '../core/domain.ts'],
    ['src/orders/index.ts', '../core/domain.ts'],
    ['src/adapters/kafka/consumer.ts', './fetch.ts'],
    ['src/adapters/kafka/consumer.ts', '../../ports/event-log.ts'],
    ['src/adapters/kafka/consumer.ts', '@platformatic/kafka'],
    ['src/adapters/sqlite/database.ts', 'node:sqlite'],
    ['src/adapters/http-delivery/http-target.ts', '../../../package.json'],
    ['src/core/webhook-signature.ts', 'node:crypto'],
    ['src/pipeline/ingest/lane.ts', '../decode/decoder.ts'],
    ['src/pipeline/decode/decoder.ts', 'node:buffer'],
    ['src/pipeline/decode/event-types.ts', 'ajv'],
    ['src/apps/order-sync/order-sync.ts', '../../adapters/http-delivery/index.ts'],
    ['src/apps/start/main.ts', '../order-sync/order-sync.ts'],
    ['src/apps/order-sync/commands/check-target.ts', '../../../check-target/index.ts'],
  ])('lets %s import %s', (path, specifier) => {
    expect(file(path, specifier)).toEqual([]);
  });

  it.each([
    ['src/core/fold.ts', '../ports/clock.ts'],
    ['src/core/fold.ts', 'node:crypto'],
    ['src/core/fold.ts', 'ajv'],
    ['src/core/fold.ts', './sequence'],
    ['src/ports/store.ts', '../pipeline/sync.ts'],
    ['src/ports/store.ts', 'node:fs'],
    ['src/orders/index.ts', '../ports/store.ts'],
    ['src/orders/index.ts', '../pipeline/sync.ts'],
    ['src/adapters/kafka/consumer.ts', '../embedded-log/consumer.ts'],
    ['src/adapters/kafka/consumer.ts', '../system-clock.ts'],
    ['src/adapters/mysql/schema.ts', '../../orders/index.ts'],
    ['src/adapters/mysql/schema.ts', '../../pipeline/sync.ts'],
    ['src/adapters/mysql/schema.ts', '../../apps/shared/settings/load.ts'],
    ['src/apps/order-sync/order-sync.ts', '../../adapters/mysql/store.ts'],
    ['src/check-target/run.ts', '../adapters/http-delivery/answer.ts'],
    ['src/check-target/run.ts', '../apps/shared/cli/cli.ts'],
    ['src/apps/order-sync/commands/check-target.ts', '../../../check-target/run.ts'],
    ['src/pipeline/sync.ts', '../orders/index.ts'],
    ['src/pipeline/sync.ts', '../adapters/mysql/index.ts'],
    ['src/pipeline/sync.ts', 'node:fs'],
    ['src/pipeline/sync.ts', 'pino'],
    ['src/pipeline/sync.ts', '../../package.json'],
    ['src/apps/start/main.ts', '../../../test/services/index.ts'],
    ['src/apps/start/main.ts', '../../../../elsewhere.ts'],
    ['src/cellar/new.ts', '../core/fold.ts'],
  ])('stops %s from importing %s', (path, specifier) => {
    expect(file(path, specifier)).toHaveLength(1);
  });

  it('stops an import whose name is only known at run time', () => {
    expect(importDirection(treeOf({ 'src/core/fold.ts': 'await import(name);' }))).toHaveLength(1);
  });

  it('lets the pipeline hash, and stops it from taking random bytes', () => {
    const taking = (names: string) =>
      pureParts(treeOf({ 'src/pipeline/a.ts': `import ${names} from 'node:crypto';` }));
    expect(taking('{ hash }')).toEqual([]);
    expect(taking('{\n  createHash,\n  hash,\n}')).toEqual([]);
    expect(taking('{ hash, randomUUID }')).toHaveLength(1);
    expect(taking('* as crypto')).toHaveLength(1);
  });

  it('lets the pipeline clone and compare values, and stops it from reading heap statistics', () => {
    const taking = (names: string, module: string) =>
      pureParts(treeOf({ 'src/pipeline/a.ts': `import ${names} from '${module}';` }));
    expect(taking('{ deserialize, serialize }', 'node:v8')).toEqual([]);
    expect(taking('{ getHeapStatistics }', 'node:v8')).toHaveLength(1);
    expect(taking('{ isDeepStrictEqual }', 'node:util')).toEqual([]);
    expect(taking('{ inspect }', 'node:util')).toHaveLength(1);
  });
});

describe('the environment and the clock', () => {
  it('environmentReaders lets only the main of an app read the environment', () => {
    const reading = (path: string, source: string) => environmentReaders(treeOf({ [path]: source })).length;
    expect(reading('src/apps/order-sync/main.ts', 'process.env')).toBe(0);
    expect(
      reading('src/apps/shared/settings/load.ts', '// process.env is given\nconst env = given.env;'),
    ).toBe(0);
    for (const source of [
      'process.env.X',
      "process['env']",
      'const { env } = process;',
      "import p from 'node:process'",
      'runCli(spec, processHost());',
    ]) {
      expect(reading('src/apps/order-sync/commands/index.ts', source), source).toBe(1);
      expect(reading('src/adapters/mysql/store.ts', source), source).toBe(1);
    }
  });

  it.each([
    'Date.now()',
    'new Date()',
    'new Date;',
    'Date()',
    'Math.random()',
    'performance.now()',
    'setTimeout(f, 1)',
    'AbortSignal.timeout(5)',
    'crypto.randomUUID()',
    'process.hrtime.bigint()',
  ])('unseededTime refuses %s in core, ports, pipeline and orders, and nowhere else', (source) => {
    for (const room of ['core', 'ports', 'pipeline/ingest', 'orders']) {
      expect(unseededTime(treeOf({ [`src/${room}/a.ts`]: `const x = ${source}` })), room).not.toEqual([]);
    }
    expect(unseededTime(treeOf({ 'src/adapters/a.ts': source, 'src/apps/start/a.ts': source }))).toEqual([]);
  });

  it('unseededTime accepts comments about the clock, and dates of a given moment', () => {
    const source =
      '// Date.now() would jump\nconst day = new Date(ms);\nconst u = Date.UTC(2025, 1);\nupdate();';
    expect(unseededTime(treeOf({ 'src/core/a.ts': source }))).toEqual([]);
  });
});

describe('the lengths in properties', () => {
  it('a list that may be cut short is found', () => {
    const found = (options: string) =>
      shortDraws(treeOf({ 'test/a.test.ts': `fc.array(a, ${options})` })).length;
    expect(found('{ maxLength: 10 }')).toBe(0);
    expect(found('{ minLength: 11, maxLength: 11 }')).toBe(0);
    expect(found('{ minLength: all.length, maxLength: all.length }')).toBe(0);
    expect(found("{ maxLength: 1_000, size: 'max' }")).toBe(0);
    expect(found('{ maxLength: 11 }')).toBe(1);
    expect(found('{ minLength: 1, maxLength: 1_000 }')).toBe(1);
    expect(found('{ maxLength }')).toBe(1);
    expect(found('{ maxLength: limit }')).toBe(1);
  });
});

describe('deadFiles', () => {
  const kept = Object.fromEntries([...KEPT_FOR_TESTS.keys()].map((path) => [path, '']));
  const usesKept = [...KEPT_FOR_TESTS.keys()].map((path) => `import '../${path}';`).join('\n');
  const house = {
    ...kept,
    'package.json':
      '{"scripts": {"start": "node bin/launch.mjs src/apps/start/main.ts", "try": "node test/run.ts"}}',
    'src/apps/start/main.ts': "import '../../core/a.ts';\nimport './part.ts';",
    'src/apps/start/part.ts': "new URL('./sql/', import.meta.url)",
    'src/apps/start/sql/0001.sql': '',
    'src/core/a.ts': '',
    'test/run.ts': '',
    'test/a.test.ts': `${usesKept}\nimport './helper.ts';\nstart(join(here, 'child.ts'));`,
    'test/helper.ts': '',
    'test/child.ts': '',
  };

  it('reports no file that is imported, read beside a file, or started', () => {
    expect(deadFiles(treeOf(house))).toEqual([]);
  });

  it.each(['src/core/unused.ts', 'src/core/unused.sql', 'test/unused.ts', 'bench/unused.ts'])(
    'reports %s if nothing reaches it',
    (path) => {
      expect(deadFiles(treeOf({ ...house, [path]: '' }))).toEqual([expect.stringContaining(path)]);
    },
  );

  it('reports a file in src/ that only a test reaches', () => {
    const tested = { ...house, 'src/core/only.ts': '', 'test/b.test.ts': "import '../src/core/only.ts';" };
    expect(deadFiles(treeOf(tested))).toEqual([expect.stringContaining('src/core/only.ts')]);
  });

  it('reports a file of KEPT_FOR_TESTS that no test uses, or that does not exist', () => {
    const [path = ''] = KEPT_FOR_TESTS.keys();
    const { [path]: _, ...gone } = house as Record<string, string>;
    expect(
      deadFiles(treeOf({ ...house, 'test/a.test.ts': "import './helper.ts'; 'child.ts'" })),
    ).toHaveLength(KEPT_FOR_TESTS.size);
    expect(deadFiles(treeOf(gone))).toEqual([expect.stringContaining(path)]);
  });
});

describe('the shape of files', () => {
  it('breaks a rule from 401 lines of a source file and 250 lines of README.md on', () => {
    const lines = (count: number) => 'x\n'.repeat(count);
    expect(
      longFiles(treeOf({ 'src/a.ts': lines(400), 'README.md': lines(249), 'test/a.ts': lines(900) })),
    ).toEqual([]);
    expect(longFiles(treeOf({ 'src/a.ts': lines(401), 'README.md': lines(250) }))).toHaveLength(2);
  });

  it('breaks a rule if migrations leave out a number from 1 on, or use one twice', () => {
    const numbered = (...names: string[]) =>
      migrationNumbers(
        treeOf(Object.fromEntries(names.map((name) => [`src/adapters/db/migrations/${name}`, '']))),
        ['src/adapters/db'],
      );
    expect(numbered('0001-journal.sql', '0002-more.sql')).toEqual([]);
    expect(numbered('0001-journal.sql', '0003-more.sql')).toHaveLength(1);
    expect(numbered('0001-journal.sql', '0001-twice.sql')).toHaveLength(1);
    expect(numbered('1-journal.sql')).toHaveLength(1);
    expect(numbered()).toHaveLength(1);
  });

  it('breaks a rule if a sibling adapter lacks a file that the others have', () => {
    const tree = treeOf({
      'src/adapters/a/index.ts': '',
      'src/adapters/a/store.ts': '',
      'src/adapters/b/index.ts': '',
    });
    const adapters = ['src/adapters/a', 'src/adapters/b'];
    expect(siblingParts(tree, { adapters, parts: ['index.ts'] })).toEqual([]);
    expect(siblingParts(tree, { adapters, parts: ['index.ts', 'store.ts'] })).toEqual([
      expect.stringContaining('src/adapters/b/store.ts'),
    ]);
  });
});

describe('programs', () => {
  const SERVER = ['server.ts', 'server-parts.ts', 'access.ts', 'schemas.ts', 'query.ts', 'cursor.ts'];
  const house: Record<string, string> = {
    'src/apps/shared/cli/cli.ts': '',
    'src/apps/tool/main.ts': '',
    'src/apps/tool/commands/index.ts': "import { run } from './run.ts';",
    'src/apps/tool/commands/run.ts': '',
    'src/apps/serving/main.ts': '',
    'src/apps/serving/serving.ts': '',
    'src/apps/serving/commands/index.ts': '',
    ...Object.fromEntries(SERVER.map((part) => [`src/apps/serving/http/${part}`, ''])),
  };

  it('programParts passes programs with the files of their siblings', () => {
    expect(programParts(treeOf(house))).toEqual([]);
  });

  it.each([
    'src/apps/tool/main.ts',
    'src/apps/serving/commands/index.ts',
    'src/apps/serving/serving.ts',
    ...SERVER.map((part) => `src/apps/serving/http/${part}`),
  ])('programParts names the missing file %s', (path) => {
    const { [path]: _, ...rest } = house;
    expect(programParts(treeOf(rest))).toEqual([expect.stringContaining(path)]);
  });

  it('programParts names a file of commands that no index lists', () => {
    const unlisted = { ...house, 'src/apps/tool/commands/undo.ts': '' };
    expect(programParts(treeOf(unlisted))).toEqual([expect.stringContaining('commands/undo.ts')]);
  });
});

describe('pages', () => {
  const house = {
    'package.json': '{"scripts": {"start": "", "test": "", "check:drain": ""}}',
    'docs/b.md': '# Title\n## What `it` is, and why\n',
    'src/core/fold.ts': '',
  };
  const page = (text: string) => treeOf({ ...house, 'docs/a.md': text });

  it('break a rule with a link to a missing file, folder or heading', () => {
    const good =
      '[b](b.md) [c](../src/core/) [d](b.md#what-it-is-and-why) [e](https://x.test/none) [f](#here)\n# Here\n';
    expect(brokenLinks(page(good))).toEqual([]);
    for (const link of ['c.md', '../src/none.ts', 'b.md#none', '#none', '../../outside.md']) {
      expect(brokenLinks(page(`[x](${link})`)), link).toHaveLength(1);
    }
    expect(brokenLinks(page('```text\n[x](none.md)\n```\n'))).toEqual([]);
  });

  it('get the same anchors that GitHub makes', () => {
    expect(anchorOf('Coming from the original: `node producer.js`')).toBe(
      'coming-from-the-original-node-producerjs',
    );
  });

  it('break a rule if they name an npm command that package.json lacks', () => {
    const good =
      '`npm start`, `npm run check:drain -- --events 1`, `npm run check:*`\n```sh\nA=1 npm test\nnpm ci\n```\nFrom npm comes Node.';
    expect(unknownCommands(page(good))).toEqual([]);
    for (const bad of [
      '`npm run none`',
      'npm run -s none',
      '`npm none`',
      '```sh\nnpm stop\n```',
      '`npm run none:*`',
    ]) {
      expect(unknownCommands(page(bad)), bad).toHaveLength(1);
    }
  });

  it('break a rule if they name a missing file', () => {
    const good =
      '`src/core/fold.ts` `src/core` `src/*/fold.ts` `fold.ts` `event_journal` `application/json` `b.md`';
    expect(missingFiles(page(good))).toEqual([]);
    for (const bad of ['`src/core/none.ts`', '`none.ts`', '`docs/none.md`', '`src/*/none.ts`', '`bench/`']) {
      expect(missingFiles(page(bad)), bad).toHaveLength(1);
    }
  });
});

describe('tests that replace a module', () => {
  it('fail the check unless the configuration runs them alone', () => {
    const files = {
      'test/a.test.ts': "vi.mock('./b.ts');\n",
      'test/c.test.ts': "const text = 'vi.mock(';\n",
    };
    expect(sharedReplacements(treeOf({ ...files, 'vitest.config.ts': '' }))).toHaveLength(1);
    expect(sharedReplacements(treeOf({ ...files, 'vitest.config.ts': "'test/a.test.ts'," }))).toEqual([]);
  });
});

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { deadFiles, importDirection, pureParts, sourcesOf } from './imports.ts';
import { brokenLinks, missingFiles, pagesOf, staleExcerpts, unknownCommands } from './pages.ts';
import { shortDraws } from './properties.ts';
import { commentsOf, riddlingComments, testNamesOf, unfinishedTestNames } from './prose.ts';
import { environmentReaders, unseededTime } from './purity.ts';
import { longFiles, migrationNumbers, programParts, sharedReplacements, siblingParts } from './shape.ts';
import { earlyImports } from './startup.ts';
import { readTree } from './tree.ts';

const tree = readTree(join(import.meta.dirname, '..', '..'));
/** The two adapters of order-mgt's own store. */
const ORDER_MGT_STATES = ['src/apps/order-mgt/states/mysql', 'src/apps/order-mgt/states/sqlite'];

describe('the repository', () => {
  it('shows the checks more than 50 source files, README.md and the pages in docs/', () => {
    expect(sourcesOf(tree).length).toBeGreaterThan(50);
    expect(pagesOf(tree).map(([path]) => path)).toEqual(
      expect.arrayContaining(['README.md', 'docs/ARCHITECTURE.md']),
    );
  });

  it('loads adapters and packages only for the commands that use them', () => {
    expect(earlyImports(tree)).toEqual([]);
  });

  it('lets imports point one way only', () => {
    expect([...importDirection(tree), ...pureParts(tree)]).toEqual([]);
  });

  it('reads the environment only in the mains of the apps', () => {
    expect(environmentReaders(tree)).toEqual([]);
  });

  it('takes time and randomness only from the port Clock in core, ports, pipeline and orders', () => {
    expect(unseededTime(tree)).toEqual([]);
  });

  it('draws the lengths that its properties name', () => {
    expect(shortDraws(tree)).toEqual([]);
  });

  it('holds no file that nothing reaches', () => {
    expect(deadFiles(tree)).toEqual([]);
  });

  it('holds no source file of more than 400 lines', () => {
    expect(longFiles(tree)).toEqual([]);
  });

  it('runs tests that replace a module alone', () => {
    expect(sharedReplacements(tree)).toEqual([]);
  });

  it('numbers the migrations of every store without gaps', () => {
    const stores = ['src/adapters/mysql', 'src/adapters/sqlite', ...ORDER_MGT_STATES];
    expect(migrationNumbers(tree, stores)).toEqual([]);
  });

  it('lays its programs out alike', () => {
    expect(programParts(tree)).toEqual([]);
  });

  it('gives sibling adapters the same file names', () => {
    const stores = [
      'opened-store.ts',
      'store.ts',
      'schema.ts',
      'migrations.ts',
      'commit.ts',
      'due-deliveries.ts',
      'delivery-claims.ts',
      'settlements.ts',
      'queries.ts',
    ];
    const logs = [
      'event-log.ts',
      'consumer.ts',
      'producer.ts',
      'group/group-member.ts',
      'producing/partitioner.ts',
    ];
    const all = ['options.ts', 'index.ts'];
    const adapters = (...names: string[]) => names.map((name) => `src/adapters/${name}`);
    const states = { adapters: ORDER_MGT_STATES, parts: ['open.ts', 'schema.ts', 'states.ts'] };
    expect([
      ...siblingParts(tree, { adapters: adapters('mysql', 'sqlite'), parts: [...stores, ...all] }),
      ...siblingParts(tree, { adapters: adapters('kafka', 'embedded-log'), parts: [...logs, ...all] }),
      ...siblingParts(tree, {
        adapters: adapters('http-delivery', 'topic-delivery'),
        parts: ['target.ts', 'verdict.ts', ...all],
      }),
      ...siblingParts(tree, states),
    ]).toEqual([]);
  });
});

describe('the pages', () => {
  it('link only to files and headings that exist', () => {
    expect(brokenLinks(tree)).toEqual([]);
  });

  it('name only npm commands that package.json has', () => {
    expect(unknownCommands(tree)).toEqual([]);
  });

  it('quote only lines that the quoted file has', () => {
    expect(staleExcerpts(tree)).toEqual([]);
  });

  it('name only files that exist', () => {
    expect(missingFiles(tree)).toEqual([]);
  });
});

describe('the prose', () => {
  it('shows the checks more than 1,000 comments and 1,000 test names', () => {
    const programs = [...tree].filter(([path]) => path.endsWith('.ts')).map(([, source]) => source);
    expect(programs.flatMap(commentsOf).length).toBeGreaterThan(1000);
    expect(programs.flatMap(testNamesOf).length).toBeGreaterThan(1000);
  });

  it('begins no comment with words such as "How long" or "So many"', () => {
    expect(riddlingComments(tree)).toEqual([]);
  });

  it('names every test with a sentence that needs no other test name', () => {
    expect(unfinishedTestNames(tree)).toEqual([]);
  });
});

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { deadFiles, importDirection, pureParts, sourcesOf } from './imports.ts';
import { brokenLinks, missingFiles, pagesOf, staleExcerpts, unknownCommands } from './pages.ts';
import { environmentReaders, unseededTime } from './purity.ts';
import { longFiles, migrationNumbers, programParts, siblingExports, siblingParts } from './shape.ts';
import { readTree } from './tree.ts';

const tree = readTree(join(import.meta.dirname, '..', '..'));
/** The two adapters of order-mgt's own store. */
const ORDER_MGT_STATES = ['src/apps/order-mgt/states/mysql', 'src/apps/order-mgt/states/sqlite'];

describe('the house', () => {
  it('is looked at whole', () => {
    expect(sourcesOf(tree).length).toBeGreaterThan(50);
    expect(pagesOf(tree).map(([path]) => path)).toEqual(
      expect.arrayContaining(['README.md', 'docs/ARCHITECTURE.md']),
    );
  });

  it('has imports that point one way', () => {
    expect([...importDirection(tree), ...pureParts(tree)]).toEqual([]);
  });

  it('reads its environment in the mains of its apps alone', () => {
    expect(environmentReaders(tree)).toEqual([]);
  });

  it('takes time and chance from the clock alone where a simulation has to drive them', () => {
    expect(unseededTime(tree)).toEqual([]);
  });

  it('has no file that nothing reaches', () => {
    expect(deadFiles(tree)).toEqual([]);
  });

  it('has no file that is too long to read', () => {
    expect(longFiles(tree)).toEqual([]);
  });

  it('numbers the migrations of every store without gaps', () => {
    const stores = ['src/adapters/mysql', 'src/adapters/sqlite', ...ORDER_MGT_STATES];
    expect(migrationNumbers(tree, stores)).toEqual([]);
  });

  it('lays its programs out alike', () => {
    expect(programParts(tree)).toEqual([]);
  });

  it('lays sibling adapters out alike', () => {
    const stores = ['store.ts', 'schema.ts', 'ingest.ts', 'deliveries.ts', 'queries.ts', 'connection.ts'];
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
      ...siblingExports(tree, states),
    ]).toEqual([]);
  });
});

describe('the pages', () => {
  it('link to what is there', () => {
    expect(brokenLinks(tree)).toEqual([]);
  });

  it('name commands that package.json has', () => {
    expect(unknownCommands(tree)).toEqual([]);
  });

  it('quote code as it is', () => {
    expect(staleExcerpts(tree)).toEqual([]);
  });

  it('name files that are there', () => {
    expect(missingFiles(tree)).toEqual([]);
  });
});

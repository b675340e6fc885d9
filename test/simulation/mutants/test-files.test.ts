import { describe, expect, it } from 'vitest';
import { treeOf } from '../../tidy/tree.ts';
import { TestFiles } from './test-files.ts';

const files = new TestFiles(
  treeOf({
    'src/core/sum.ts': '',
    'src/core/other.ts': '',
    'src/pipeline/lane.ts': "import { sum } from '../core/sum.ts';",
    'test/core/sum.test.ts': "import { sum } from '../../src/core/sum.ts';",
    'test/core/sum-pairs.test.ts': "import { sum } from '../../src/core/sum.ts';",
    'test/core/summary.test.ts': "import { sum } from '../../src/core/sum.ts';",
    'test/core/other.test.ts': "import '../../src/core/other.ts';",
    'test/pipeline/lane.test.ts': "import { Lane } from './harness.ts';",
    'test/pipeline/harness.ts': "export { Lane } from '../../src/pipeline/lane.ts';",
    'test/pipeline/lane.int.test.ts': "import { Lane } from './harness.ts';",
    'test/simulation/swarm.test.ts': "import '../../src/pipeline/lane.ts';",
    'test/apps/program.test.ts': "import { spawn } from 'node:child_process';",
    'test/apps/page.test.ts': '',
    'test/tidy/tidy.test.ts': "import { spawn } from 'node:child_process';",
  }),
);

describe('the tests of a change', () => {
  it('count as its own if they have the name of the file, or one that goes on behind it', () => {
    expect(files.testsOf(['src/core/sum.ts']).own).toEqual([
      'test/core/sum.test.ts',
      'test/core/sum-pairs.test.ts',
    ]);
  });

  it('count as near if they stand in the mirrored folder with another name, and import the file', () => {
    expect(files.testsOf(['src/core/sum.ts']).near).toEqual(['test/core/summary.test.ts']);
  });

  it('count as related if they import the file through others', () => {
    expect(files.testsOf(['src/core/sum.ts']).related).toEqual([
      'test/pipeline/lane.test.ts',
      'test/simulation/swarm.test.ts',
    ]);
  });

  it('count as others if they import none of the files, and start processes', () => {
    expect(files.testsOf(['src/core/sum.ts']).others).toEqual(['test/apps/program.test.ts']);
  });

  it('include the simulation only if it imports a file', () => {
    expect(files.testsOf(['src/core/sum.ts']).isSimulated).toBe(true);
    expect(files.testsOf(['src/core/other.ts']).isSimulated).toBe(false);
  });

  it('cover all changed files', () => {
    const { own, related } = files.testsOf(['src/core/other.ts', 'src/pipeline/lane.ts']);
    expect(own).toEqual(['test/core/other.test.ts', 'test/pipeline/lane.test.ts']);
    expect(related).toEqual(['test/simulation/swarm.test.ts']);
  });
});

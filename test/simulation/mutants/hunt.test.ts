import { describe, expect, it } from 'vitest';
import { treeOf } from '../../tidy/tree.ts';
import { mutantOf } from './catalogue.ts';
import { Durations } from './durations.ts';
import { ControlError, Hunt, type PlantedTree } from './hunt.ts';
import { TestFiles } from './test-files.ts';
import type { RunResult } from './test-run.ts';

const SOURCES = {
  'src/core/sum.ts': 'x\n',
  'src/pipeline/lane.ts': "import '../core/sum.ts';",
  'test/core/sum.test.ts': "import '../../src/core/sum.ts';",
  'test/pipeline/lane.test.ts': "import '../../src/pipeline/lane.ts';",
  'test/simulation/swarm.test.ts': "import '../../src/pipeline/lane.ts';",
};
const mutant = mutantOf(
  'wrong-sum',
  '# The sum is wrong (I4).\ndiff --git a/src/core/sum.ts b/src/core/sum.ts\n--- a/src/core/sum.ts\n+++ b/src/core/sum.ts\n@@ -1 +1 @@\n-x\n+y\n',
);
const passedMs = new Map<string, number>();
const PASSED: RunResult = { kind: 'passed', passedMs };
const failedIn = (file: string, isTimeout = false): RunResult => ({
  kind: 'failed',
  test: `the test of ${file}`,
  file,
  isTimeout,
  passedMs,
});

/** What each run comes to, by the copy (`control` or `planted`) and the files, in the sequence of the runs. */
type Script = Readonly<Record<string, RunResult | readonly RunResult[]>>;

function hunting(script: Script, seeds = 0, isSimulationFirst = false) {
  const runs: string[] = [];
  const texts = new Map<string, string>();
  const tree = (root: string): PlantedTree => ({
    root,
    plant: (changed) => {
      for (const [path, text] of changed) texts.set(path, text);
    },
    restore: () => texts.clear(),
    read: (path) => SOURCES[path as keyof typeof SOURCES] ?? '',
  });
  const hunt = new Hunt({
    files: new TestFiles(treeOf(SOURCES)),
    durations: new Durations('/nowhere/at/all'),
    control: tree('control'),
    seeds,
    isSimulationFirst,
    signal: new AbortController().signal,
    progress: () => {},
    async run(root, files) {
      const name = `${root}: ${files.join(' ')}`;
      const before = runs.filter((each) => each === name).length;
      runs.push(name);
      const found = [script[name] ?? PASSED].flat();
      return found[Math.min(before, found.length - 1)] ?? PASSED;
    },
  });
  const caught = async () => {
    await hunt.provesItself([mutant]);
    return (await hunt.hunt(tree('planted'), mutant)).caught;
  };
  return { caught, runs, texts };
}

const UNIT = 'test/core/sum.test.ts test/pipeline/lane.test.ts test/simulation/swarm.test.ts';
const SWARM = 'test/simulation/swarm.test.ts';
const LANE = 'test/pipeline/lane.test.ts';

describe('a hunt', () => {
  it('names the test that fails, and how near it is', async () => {
    const { caught } = hunting({ [`planted: ${UNIT}`]: failedIn(LANE) });
    expect(await caught()).toEqual({ stage: 'related', by: `the test of ${LANE}`, file: LANE });
  });

  it('finds nothing if every test passes', async () => {
    expect(await hunting({}).caught()).toBeNull();
  });

  it('takes the mistake out of its copy', async () => {
    const { caught, texts } = hunting({ [`planted: ${UNIT}`]: failedIn(LANE) });
    await caught();
    expect([...texts]).toEqual([]);
  });

  it('runs the tests of the file, the simulation and all others, each once', async () => {
    const { caught, runs } = hunting({}, 5);
    expect(await caught()).toBeNull();
    expect(runs).toEqual([
      `control: ${SWARM}`,
      'planted: test/core/sum.test.ts',
      `planted: ${SWARM}`,
      `planted: ${LANE}`,
    ]);
  });

  it('names the test of the file as its own', async () => {
    const own = 'test/core/sum.test.ts';
    const { caught } = hunting({ [`planted: ${own}`]: failedIn(own) }, 5);
    expect(await caught()).toEqual({ stage: 'own', by: `the test of ${own}`, file: own });
  });

  it('runs the simulation first if that is asked for, and not again with the unit tests', async () => {
    const { caught, runs } = hunting({}, 5, true);
    expect(await caught()).toBeNull();
    expect(runs).toEqual([
      `control: ${SWARM}`,
      `planted: ${SWARM}`,
      'planted: test/core/sum.test.ts test/pipeline/lane.test.ts',
    ]);
  });

  it('fails if the simulation fails without the mistake', async () => {
    const { caught } = hunting({ [`control: ${SWARM}`]: failedIn(SWARM) }, 5);
    await expect(caught()).rejects.toThrow(ControlError);
  });

  it('fails if the test that catches the mistake fails twice without it', async () => {
    const { caught } = hunting({
      [`planted: ${UNIT}`]: failedIn(LANE),
      [`control: ${LANE}`]: [failedIn(LANE), failedIn(LANE)],
    });
    await expect(caught()).rejects.toThrow(`Without any mistake, ${LANE} fails: the test of ${LANE}`);
  });

  it('takes a run that breaks for a catch only if the same files pass without the mistake', async () => {
    const broken: RunResult = { kind: 'broken', why: 'exit code 7', passedMs };
    const { caught } = hunting({ [`planted: ${UNIT}`]: broken });
    expect(await caught()).toMatchObject({ by: 'the tests broke: exit code 7' });
    const both = hunting({ [`planted: ${UNIT}`]: broken, [`control: ${UNIT}`]: broken });
    await expect(both.caught()).rejects.toThrow(ControlError);
  });

  it('takes a late test for a catch only if it is late twice', async () => {
    const late = failedIn(LANE, true);
    expect(await hunting({ [`planted: ${UNIT}`]: late, [`planted: ${LANE}`]: late }).caught()).not.toBeNull();
    const { caught, runs } = hunting({ [`planted: ${UNIT}`]: late, [`planted: ${LANE}`]: PASSED });
    expect(await caught()).toBeNull();
    expect(runs.at(-1)).toBe('planted: test/core/sum.test.ts test/simulation/swarm.test.ts');
  });
});

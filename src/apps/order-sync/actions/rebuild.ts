import { type EntityWords, entityWords } from '../../../core/entity-words.ts';
import { TributaryError } from '../../../core/errors.ts';
import { quoted } from '../../../core/text.ts';
import { migrateStore } from '../../../pipeline/migrate-store.ts';
import {
  compareEntities,
  type EntityDifference,
  rebuildEntities,
} from '../../../pipeline/rebuild/in-place.ts';
import { otherProgramFor, refuseOtherFold } from '../../../pipeline/rebuild/other-fold.ts';
import type { RebuildParts } from '../../../pipeline/rebuild/rebuild.ts';
import { type RebuildTask, rebuildHandler } from '../../../pipeline/rebuild/rebuild-job.ts';
import type { RebuildReport } from '../../../pipeline/rebuild/report.ts';
import { foldOf } from '../../../pipeline/rebuild/view-mode.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Job } from '../../../ports/jobs.ts';
import type { OpenedStore, Store } from '../../../ports/store.ts';
import type { ViewState } from '../../../ports/view-rebuild.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import { startProgress } from '../../shared/cli/progress.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { domainOf } from '../../shared/settings/synced.ts';
import { decisionFrom } from '../decision.ts';
import { jobJson, jobLine } from '../job-json.ts';
import { openCommandStore } from '../open-parts.ts';
import { rebuildJson, reportLines } from '../rebuild-json.ts';
import { rebuildPartsOf } from '../rebuild-parts.ts';
import { targetNames } from '../targets/targets.ts';
import { knownJob, waitForJob } from './jobs.ts';

type Context = CommandContext<'order-sync'>;

interface Opened {
  readonly opened: OpenedStore;
  readonly store: Store;
  readonly parts: RebuildParts<unknown, unknown>;
}

export async function runRebuild(
  clock: Clock,
  context: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const { settings, logger } = context;
  const task = taskFrom(input);
  const store = await openCommandStore(settings, clock, logger);
  try {
    // Rejects if the store was never set up. order-sync has to do that, since it also takes over a table that is there.
    await store.checkpoints();
    const migrated = await migrateStore({
      domain: domainOf(settings),
      store,
      targets: targetNames(settings),
      clock,
      logger,
      // A rebuild may lead back to the fold of the rows, from a newer one that only journals.
      allowsOutdated: true,
    });
    const parts = rebuildPartsOf(settings, { store: migrated.store, clock, logger });
    const opened: Opened = { opened: store, store: migrated.store, parts };
    switch (task) {
      case 'report':
        return await report(context, opened);
      case 'switch':
        return await switchTo(context, input, clock, opened);
      case 'discard':
        return await discard(context, input, clock, opened);
      case 'entities':
        return await inPlace(context, input, clock, opened);
      default:
        return await build(context, input, clock, opened);
    }
  } finally {
    await store.close();
  }
}

function taskFrom({ options }: CommandInput): 'build' | 'report' | 'switch' | 'discard' | 'entities' {
  const asked = (['report', 'switch', 'discard'] as const).filter((name) => options[name] === true);
  if (asked.length > 1)
    throw new TributaryError('usage', `Give one of ${asked.map((name) => `--${name}`).join(' and ')}.`);
  if (options.entities === undefined) return asked[0] ?? 'build';
  if (asked.length === 1 && asked[0] !== 'switch')
    throw new TributaryError('usage', `--entities goes with --switch, and not with --${asked[0]}.`);
  return 'entities';
}

async function build(context: Context, input: CommandInput, clock: Clock, opened: Opened): Promise<number> {
  const decision = decisionFrom(input, clock);
  const { rebuild } = await opened.store.viewState();
  const isUnfinished = rebuild !== null && rebuild.report === null;
  if (rebuild !== null && !(isUnfinished && input.options.wait === true))
    throw new TributaryError(
      'rebuild_refused',
      `The rebuild ${rebuild.rebuildId} is under way: see --report, and then --switch or --discard.`,
    );
  const fold = foldOf(opened.parts.domain);
  if (rebuild !== null) refuseOtherFold(rebuild, fold);
  const { foldVersion } = fold;
  const jobId =
    rebuild === null
      ? await createJob(clock, opened, { task: 'build', foldVersion }, decision)
      : ((await openBuildOf(opened.opened, rebuild.rebuildId)) ??
        (await createJob(
          clock,
          opened,
          { task: 'build', foldVersion, rebuildId: rebuild.rebuildId },
          decision,
        )));
  const job = await workedOff(context, input, clock, opened, jobId);
  const { report: found } = job.progress as { readonly report?: RebuildReport };
  await context.output.document(
    jobJson(job),
    found === undefined ? jobLine(job) : reportLines(found).join('\n'),
  );
  return endOf(context, job);
}

/** The newest jobs that are searched for one that works on a rebuild. */
const JOBS_SEARCHED = 500;

/** The job that builds this rebuild and has not ended; null if it has ended, as by "order-sync jobs cancel". */
async function openBuildOf(store: OpenedStore, rebuildId: string): Promise<string | null> {
  const jobs: Job[] = await store.listJobs({ after: null, limit: JOBS_SEARCHED });
  const found = jobs.find(({ jobId, kind, state, parameters }) => {
    if (kind !== 'rebuild' || state === 'done' || state === 'cancelled') return false;
    const task = parameters as RebuildTask | null;
    return task?.task !== 'switch' && (task?.rebuildId ?? jobId) === rebuildId;
  });
  return found?.jobId ?? null;
}

/** The exit code for a job that may have ended without doing its work. */
function endOf({ note }: Context, { jobId, state, progress }: Job): number {
  if (state === 'cancelled') note(`The job ${jobId} was cancelled before it was done.`);
  else if (progress.phase === 'gone')
    note(`The rebuild of the job ${jobId} is gone: it was discarded, or switched to already.`);
  else return EXIT.ok;
  return EXIT.failure;
}

async function switchTo(
  context: Context,
  input: CommandInput,
  clock: Clock,
  opened: Opened,
): Promise<number> {
  const decision = decisionFrom(input, clock);
  const rebuild = rebuildUnderWay(await opened.store.viewState());
  const { rebuildId, report: found } = rebuild;
  if (found === null)
    throw new TributaryError(
      'rebuild_refused',
      `The rebuild ${rebuildId} has not all rows yet: see --report.`,
    );
  refuseOtherFold(rebuild, foldOf(opened.parts.domain));
  const keepsFormer = input.options.keepOld === true;
  await opened.opened.addAudit({
    ...decision,
    action: 'rebuild_switched',
    subject: rebuildId,
    details: { keepsFormer },
  });
  const jobId = await createJob(clock, opened, { task: 'switch', rebuildId, keepsFormer }, decision);
  const job = await workedOff(context, input, clock, opened, jobId);
  await context.output.document(jobJson(job), jobLine(job));
  return endOf(context, job);
}

async function createJob(
  clock: Clock,
  { opened }: Opened,
  task: RebuildTask,
  { decidedBy, reason }: ReturnType<typeof decisionFrom>,
): Promise<string> {
  const jobId = clock.uuid();
  await opened.createJob({
    jobId,
    kind: 'rebuild',
    parameters: { ...task },
    isDryRun: false,
    requestedBy: decidedBy,
    reason,
    createdAtMs: clock.now(),
  });
  return jobId;
}

/** The job as it is after this process has worked on it, if it was asked to. */
async function workedOff(
  context: Context,
  input: CommandInput,
  clock: Clock,
  { opened, parts }: Opened,
  jobId: string,
): Promise<Job> {
  if (input.options.wait !== true) return knownJob(opened, jobId);
  const progress = startProgress(context, { unit: 'orders', total: null, clock });
  try {
    return await waitForJob(
      context,
      { store: opened, clock, handler: rebuildHandler(parts) },
      jobId,
      ({ progress: { entities, due } }) => progress.update(Number(entities ?? due ?? 0)),
    );
  } finally {
    progress.stop();
  }
}

async function report({ output, note }: Context, { store, parts }: Opened): Promise<number> {
  const state = await store.viewState();
  const { rebuild } = state;
  const lines =
    rebuild === null
      ? ['No rebuild is under way.']
      : rebuild.report === null
        ? [
            `The rebuild ${rebuild.rebuildId} has not all rows yet: see "order-sync jobs ${rebuild.rebuildId}".`,
          ]
        : [`Rebuild ${rebuild.rebuildId}, ${state.phase}.`, ...reportLines(rebuild.report as never)];
  await output.document(rebuildJson(state), lines.join('\n'));
  const needs = rebuild === null ? null : otherProgramFor(rebuild, foldOf(parts.domain));
  if (needs !== null) note(`Only ${needs} works on it. This one does not.`);
  return EXIT.ok;
}

async function discard(
  { output }: Context,
  input: CommandInput,
  clock: Clock,
  { store, opened }: Opened,
): Promise<number> {
  const decision = decisionFrom(input, clock);
  const { rebuildId } = rebuildUnderWay(await store.viewState());
  if (!(await store.discardRebuild(rebuildId)))
    throw new TributaryError(
      'rebuild_refused',
      `The rebuild ${rebuildId} is being switched to, or has been.`,
    );
  await opened.addAudit({ ...decision, action: 'rebuild_discarded', subject: rebuildId, details: {} });
  await output.document(rebuildJson(await store.viewState()), `The rebuild ${rebuildId} is discarded.`);
  return EXIT.ok;
}

async function inPlace(
  { output, note, settings }: Context,
  input: CommandInput,
  clock: Clock,
  { opened, parts }: Opened,
): Promise<number> {
  const words = entityWords(settings.synced.domain);
  // commander gives the values of an option with `...` as a list.
  const ids = input.options.entities as unknown as readonly string[];
  const differences = await compareEntities(parts, ids);
  let left = differences;
  if (input.options.switch === true) {
    const decision = decisionFrom(input, clock);
    left = await rebuildEntities(parts, ids);
    const changed = differences.length - left.length;
    await opened.addAudit({
      ...decision,
      action: 'rows_repaired',
      subject: `rebuild of single ${words.plural}`,
      details: { [words.listMember]: ids.length, changed },
    });
    note(`${changed} of ${ids.length} ${words.plural} are changed.`);
  } else note('Nothing was changed: give --switch to change them.');
  for (const difference of differences)
    await output.row(differenceJson(words, difference), differenceLine(difference));
  await output.endRows();
  return left.length === 0 || input.options.switch !== true ? EXIT.ok : EXIT.partial;
}

function rebuildUnderWay({ rebuild }: ViewState) {
  if (rebuild === null)
    throw new TributaryError('rebuild_refused', 'No rebuild is under way: "order-sync rebuild" begins one.');
  return rebuild;
}

function differenceJson(
  { idMember }: EntityWords,
  { entityId, before, after, fault }: EntityDifference,
): object {
  return { [idMember]: entityId, before, after, fault: fault?.detail ?? null };
}

function differenceLine({ entityId, before, after, fault }: EntityDifference): string {
  const rowText = (row: EntityDifference['before']) =>
    row === null ? 'no row' : `${JSON.stringify(row.row)} version ${row.version}`;
  const made = fault === null ? rowText(after) : `cannot be folded: ${quoted(fault.detail, 1_000)}`;
  return `${quoted(entityId, 255)}  ${rowText(before)} -> ${made}`;
}

import { TributaryError } from '../../../core/errors.ts';
import { type JobHandler, JobWorker } from '../../../pipeline/jobs/job-worker.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Job, Jobs } from '../../../ports/jobs.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { decisionFrom } from '../decision.ts';
import { jobJson, jobLine } from '../job-json.ts';
import { openCommandStore } from '../open-parts.ts';

const PAGE_ROWS = 500;
const POLL_MS = 200;

export async function runJobs(
  clock: Clock,
  { settings, logger, output, note }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const store = await openCommandStore(settings, clock, logger);
  try {
    const [jobId] = input.arguments;
    if (jobId !== undefined) {
      const job = await knownJob(store, jobId);
      await output.document(jobJson(job), jobLine(job));
      return EXIT.ok;
    }
    let after: Job | null = null;
    for (;;) {
      const page: Job[] = await store.listJobs({ after, limit: PAGE_ROWS });
      for (const job of page) await output.row(jobJson(job), jobLine(job));
      if (after === null && page.length === 0)
        note('There is no job: commands such as "order-sync redrive" make them.');
      after = page.at(-1) ?? null;
      if (page.length < PAGE_ROWS) break;
    }
    await output.endRows();
    return EXIT.ok;
  } finally {
    await store.close();
  }
}

export async function runCancelJob(
  clock: Clock,
  { settings, logger, output, note }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
  const decision = decisionFrom(input, clock);
  const store = await openCommandStore(settings, clock, logger);
  try {
    const { jobId } = await knownJob(store, input.arguments[0] ?? '');
    const job = await store.cancelJob({ ...decision, jobId });
    if (job === null) throw jobUnknown(jobId);
    if (job.state === 'done') note('The job was done already.');
    await output.document(jobJson(job), jobLine(job));
    return EXIT.ok;
  } finally {
    await store.close();
  }
}

export async function knownJob(store: Jobs, jobId: string): Promise<Job> {
  const job = await store.readJob(jobId);
  if (job === null) throw jobUnknown(jobId);
  return job;
}

function jobUnknown(jobId: string): TributaryError {
  return new TributaryError('usage', `There is no job ${JSON.stringify(jobId)}: see order-sync jobs.`);
}

/**
 * Works on jobs in this process too, until this one has ended or a signal asks for the end. Resolves with the job as it
 * is then. `onProgress` is called every 200 ms.
 */
export async function waitForJob(
  { logger, shutdown }: Pick<CommandContext<'order-sync'>, 'logger' | 'shutdown'>,
  { store, clock, handler }: { store: Jobs; clock: Clock; handler: JobHandler },
  jobId: string,
  onProgress: (job: Job) => void = () => {},
): Promise<Job> {
  const worker = new JobWorker({ store, clock, logger });
  shutdown.defer('the job', () => worker.stop());
  const stopped = new AbortController();
  void shutdown.requested.then(() => stopped.abort());
  worker.start([handler]);
  let job = await knownJob(store, jobId);
  while ((job.state === 'waiting' || job.state === 'running') && !stopped.signal.aborted) {
    await clock.sleep(POLL_MS, stopped.signal);
    job = await knownJob(store, jobId);
    onProgress(job);
  }
  await worker.stop();
  return job;
}

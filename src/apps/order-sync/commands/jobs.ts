import { TributaryError } from '../../../core/errors.ts';
import { type JobHandler, JobWorker } from '../../../pipeline/jobs/job-worker.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Job, Jobs } from '../../../ports/jobs.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandSpec } from '../../shared/cli/spec.ts';
import { DECISION_OPTIONS, decisionFrom } from '../decision.ts';
import { jobJson, jobLine } from '../job-json.ts';
import { openCommandStore } from '../order-sync.ts';

const PAGE_ROWS = 500;
const POLL_MS = 200;

export function jobsCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    name: 'jobs',
    summary: 'Show the jobs of all kinds, newest first, with their progress and results.',
    arguments: [['[id]', 'Show only the job with this id.']],
    examples: [
      ['order-sync jobs', 'One line for each job'],
      ['order-sync jobs 5f0c3a52-7a55-4c3e-9a39-0c8f8f1f6a3e --json', 'One job, as JSON'],
      [
        'order-sync jobs cancel 5f0c3a52-7a55-4c3e-9a39-0c8f8f1f6a3e --reason "the wrong filter"',
        'End a job that is not done',
      ],
    ],
    async run({ settings, logger, output, note }, input) {
      const store = openCommandStore(settings, clock, logger);
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
    },
  };
}

export function cancelJobCommand(clock: Clock): CommandSpec<'order-sync'> {
  return {
    group: { name: 'jobs', summary: 'Show or end jobs.' },
    name: 'cancel',
    summary: 'End a job that is not done. What it has done stays done.',
    arguments: [['<id>', 'The id of the job, as "order-sync jobs" shows it.']],
    options: [...DECISION_OPTIONS],
    examples: [
      [
        'order-sync jobs cancel 5f0c3a52-7a55-4c3e-9a39-0c8f8f1f6a3e --reason "the wrong filter"',
        'End a job; its worker stops after the step that is under way',
      ],
      ['order-sync jobs', 'See the jobs and their ids first'],
    ],
    async run({ settings, logger, output, note }, input) {
      const decision = decisionFrom(input, clock);
      const store = openCommandStore(settings, clock, logger);
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
    },
  };
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

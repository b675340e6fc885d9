import type { Clock } from '../../../ports/clock.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { DECISION_OPTIONS } from '../decision.ts';

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
    run: async (context, input) => (await import('../actions/jobs.ts')).runJobs(clock, context, input),
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
    run: async (context, input) => (await import('../actions/jobs.ts')).runCancelJob(clock, context, input),
  };
}

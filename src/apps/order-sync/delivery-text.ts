import { quoted } from '../../core/text.ts';
import { type AttemptRun, outcomeWord, runsOf } from '../../pipeline/ask/explain/attempts.ts';
import { saidBy } from '../../pipeline/ask/explain/delivery-sentences.ts';
import type { ExplainedDelivery } from '../../pipeline/ask/explain.ts';

/** Why attempts do not count, in words. */
const NOT_COUNTED = 'not counted, because the target seemed to be the cause';

/** A delivery with its attempts, the last one first, as people read it. Equal answers in a row are one line. */
export function deliveryLines(delivery: ExplainedDelivery): string[] {
  const { target, status, dueVersion, deliveredVersion, attempts, attemptLog, restarts } = delivery;
  const sent = deliveredVersion === null ? 'none' : String(deliveredVersion);
  const lines = [
    `${target}  ${status}  due version ${dueVersion}  delivered version ${sent}  counted attempts ${attempts}`,
  ];
  let shown = 0;
  const addRestarts = () => {
    for (const restart of restarts) if (restart.laterAttempts === shown) lines.push(restartLine(restart));
  };
  for (const run of runsOf({ attempts: attemptLog, restarts })) {
    addRestarts();
    lines.push(runLine(run));
    shown += run.times;
  }
  return lines;
}

function restartLine({ redrive }: ExplainedDelivery['restarts'][number]): string {
  const again = 'made due again, so attempts are counted from 1 again';
  if (redrive === null) return `  ${again}`;
  const { jobId, requestedBy, reason, createdAtMs } = redrive;
  const why = reason === '' ? '' : ` (${quoted(reason)})`;
  return `  ${iso(createdAtMs)}  ${again}: redrive ${jobId} of ${quoted(requestedBy)}${why}`;
}

function runLine({ last, first, times, notCounted }: AttemptRun): string {
  const { version, verdict, status, latencyMs } = last;
  const numbers =
    first.attempt === last.attempt
      ? `attempt ${last.attempt}`
      : `attempts ${first.attempt} to ${last.attempt}`;
  const said = saidBy(last);
  return [
    `  ${iso(last.attemptedAtMs)}`,
    `version ${version}`,
    numbers,
    outcomeWord(verdict),
    status === null ? 'no answer' : `status ${status}`,
    times === 1 ? `${Math.round(latencyMs)} ms` : `${times} times since ${iso(first.attemptedAtMs)}`,
    ...(notCounted === 0
      ? []
      : [times === notCounted ? NOT_COUNTED : `${notCounted} of them ${NOT_COUNTED}`]),
    ...(said === '' ? [] : [said]),
  ].join('  ');
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

import type { Clock } from '../../../ports/clock.ts';
import type { ProducerContext } from '../session.ts';

export interface Progress {
  update(acknowledged: number): void;
  stop(): void;
}

const TERMINAL_INTERVAL_MS = 200;
const PLAIN_INTERVAL_MS = 5_000;

/** Writes the progress of a load to stderr: on a terminal one line that changes, else a line every 5 s. */
export function startProgress(context: ProducerContext, total: number, clock: Clock): Progress {
  const { stderr } = context.host;
  if (context.isQuiet) return { update() {}, stop() {} };
  const isTerminal = stderr.isTTY === true;
  const startedMs = clock.monotonicMs();
  let acknowledged = 0;
  const tell = () => {
    const seconds = Math.max(0.001, (clock.monotonicMs() - startedMs) / 1_000);
    const percent = Math.floor((acknowledged / total) * 100);
    const line = `${acknowledged} of ${total} records (${percent}%), ${Math.round(acknowledged / seconds)}/s`;
    stderr.write(isTerminal ? `\r\u001b[2K${line}` : `${line}\n`);
  };
  const timer = setInterval(tell, isTerminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS);
  return {
    update(count) {
      acknowledged = count;
    },
    stop() {
      clearInterval(timer);
      if (isTerminal) stderr.write('\r\u001b[2K');
    },
  };
}

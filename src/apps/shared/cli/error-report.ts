import { isDefect, messageOf, TributaryError } from '../../../core/errors.ts';
import { redact } from '../process/redact.ts';
import { messageFor, sentenceFor } from '../settings/domain-words.ts';
import type { ProgramName } from '../settings/load.ts';
import { exitCodeOf } from './exit-codes.ts';
import type { CliHost, CliSpec } from './spec.ts';

/** Whether the command line asks for JSON. Reads the raw words, since an error may come before the options are parsed. */
export function wantsJson(argv: readonly string[]): boolean {
  return argv.some((word, index) => {
    const value =
      word === '-o' || word === '--output' ? argv[index + 1] : word.replace(/^(-o|--output=)/, '');
    return word === '--json' || (word !== value && (value === 'json' || value === 'jsonl'));
  });
}

/** Adapters know no settings. So this adds which setting names a server that does not answer. */
function settingHint({ code, message }: TributaryError, program: ProgramName): string {
  const database = program === 'order-mgt' ? 'ORDER_MGT_DATABASE_URL' : 'DATABASE_URL';
  if (code === 'log_unreachable' && message.includes('Kafka') && !message.includes('KAFKA_'))
    return ' Check that Kafka runs there, and check KAFKA_BROKERS, KAFKA_TLS and KAFKA_SASL_*.';
  if (code === 'store_unreachable' && !message.includes('DATABASE_URL') && !message.includes('sqlite'))
    return ` Check that the server runs, and check ${database}.`;
  return '';
}

/** Writes why the command failed to stderr: as one sentence, or as one JSON problem (RFC 9457). */
export function reportError(
  error: unknown,
  host: CliHost,
  isJson: boolean,
  { program, subject }: Pick<CliSpec<ProgramName>, 'program' | 'subject'>,
): void {
  const isOurs = error instanceof TributaryError;
  const message = `${messageOf(error)}${isOurs ? settingHint(error, program) : ''}`;
  const detail = redact(
    subject === undefined
      ? message
      : isOurs && error.code === 'usage'
        ? sentenceFor(subject.synced, message)
        : messageFor(subject.synced, subject.invocation, message),
  );
  const needsStack = !isOurs || isDefect(error);
  const code = isOurs ? error.code : isDefect(error) ? 'defect' : 'unexpected';
  if (isJson) {
    const problem = {
      type: `docs/errors.md#${code}`,
      title: code,
      detail,
      code,
      exitCode: exitCodeOf(error),
      ...(needsStack ? { stack: redact(stackOf(error)) } : {}),
    };
    host.stderr.write(`${JSON.stringify(problem)}\n`);
    return;
  }
  host.stderr.write(`error: ${detail}\n`);
  const wantsStack = host.argv.includes('-v') || host.argv.includes('--verbose');
  if (needsStack || wantsStack) host.stderr.write(`${redact(stackOf(error))}\n`);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

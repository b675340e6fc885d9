import type { Writable } from 'node:stream';
import { type DestinationStream, pino } from 'pino';
import { oneLine } from '../../../core/text.ts';
import type { LogField, Logger, LogLevel } from '../../../ports/logger.ts';
import { isSecretName, redact } from './redact.ts';

export type Verbosity = LogLevel | 'trace' | 'fatal' | 'silent';

export interface LoggerOptions {
  readonly program: string;
  readonly level: Verbosity;
  /** The stream of the lines. It is stderr, since stdout is for data. */
  readonly stream: Writable;
  /** Whether people read the lines. Else they are JSON. */
  readonly isPretty: boolean;
  readonly hasColor: boolean;
}

/**
 * Makes a logger that writes one line for each call: text for people, or JSON by pino, with `level` as a word and `time` in
 * RFC 3339. Both mask fields that are named like secrets, and credentials inside URLs.
 */
export function createLogger(options: LoggerOptions): Logger {
  return options.isPretty ? prettyLogger(options) : jsonLogger(options);
}

function jsonLogger(options: LoggerOptions): Logger {
  const destination: DestinationStream = { write: (line) => void options.stream.write(line) };
  const logger = pino(
    {
      level: options.level,
      base: { program: options.program, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return (level, message, fields = {}) => {
    if (!logger.isLevelEnabled(level)) return;
    const safe: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(fields)) safe[name] = safeField(name, value);
    logger[level](safe, redact(message));
  };
}

const RANK: Readonly<Record<Verbosity, number>> = {
  trace: 0,
  debug: 1,
  info: 2,
  warn: 3,
  error: 4,
  fatal: 5,
  silent: 6,
};

const COLOR: Readonly<Record<LogLevel, number>> = { debug: 90, info: 36, warn: 33, error: 31 };

function prettyLogger(options: LoggerOptions): Logger {
  const paint = (code: number, text: string) => (options.hasColor ? `\u001b[${code}m${text}\u001b[0m` : text);
  return (level, message, fields = {}) => {
    if (RANK[level] < RANK[options.level]) return;
    const details = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${oneLine(prettyField(safeField(name, value)))}`)
      .join(' ');
    const time = new Date().toISOString().slice(11, 23);
    const line = `${time} ${paint(COLOR[level], level.toUpperCase().padEnd(5))} ${oneLine(redact(message))}`;
    options.stream.write(details === '' ? `${line}\n` : `${line}  ${paint(90, details)}\n`);
  };
}

function safeField(name: string, value: LogField): LogField {
  if (isSecretName(name)) return '********';
  // JSON has no bigints. As a text an offset beyond 2^53 keeps its last digits.
  if (typeof value === 'bigint') return value.toString();
  return typeof value === 'string' ? redact(value) : value;
}

function prettyField(value: LogField): string {
  return typeof value === 'string' && /[\s"=]/.test(value) ? JSON.stringify(value) : String(value);
}

/** Whether lines to this stream are coloured. NO_COLOR decides first, then FORCE_COLOR, then whether it is a terminal. */
export function hasColor(
  stream: { readonly isTTY?: boolean },
  settings: { readonly noColor: string | undefined; readonly forceColor: string | undefined },
): boolean {
  if (settings.noColor !== undefined) return false;
  if (settings.forceColor !== undefined) return settings.forceColor !== '0';
  return stream.isTTY === true;
}

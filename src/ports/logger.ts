/** Writes one line to the program's own log. Callers never pass a secret or the payload of an event. */
export type Logger = (level: LogLevel, message: string, fields?: Readonly<Record<string, LogField>>) => void;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type LogField = string | number | bigint | boolean | null | undefined;

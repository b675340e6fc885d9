/** Where a program says what happened to it. Never given a secret, nor an event's payload. */
export type Logger = (level: LogLevel, message: string, fields?: Readonly<Record<string, LogField>>) => void;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type LogField = string | number | bigint | boolean | null | undefined;

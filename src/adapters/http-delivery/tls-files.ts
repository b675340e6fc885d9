import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { messageOf, TributaryError } from '../../core/errors.ts';
import type { Logger } from '../../ports/logger.ts';
import { certificatesIn, pemFault } from '../pem.ts';
import { outsideValidity } from './own-certificate.ts';

/** PEM files for TLS to a target. */
export interface TlsFileNames {
  /** The authorities that sign the target's certificate; without it, those of the system count. */
  readonly caFile?: string | undefined;
  /** The certificate that is shown to the target, and its key. Both or none. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

export interface TlsContent {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/**
 * The content of the PEM files. It is read again when a file has changed, so that a renewed certificate counts for the next
 * connection. While the new content cannot be used, for example because only one of two files is written yet, the content
 * before it counts, and a warning says so once.
 */
export class TlsFiles {
  readonly #files: readonly (readonly [keyof TlsContent, string])[];
  readonly #name: string;
  readonly #logger: Logger;
  #content: TlsContent;
  #stamp: string;

  /** Throws `setting_invalid` if a file cannot be read, or if the files do not fit together. */
  constructor({ caFile, certFile, keyFile }: TlsFileNames, name: string, logger: Logger) {
    const files = { ca: caFile, cert: certFile, key: keyFile };
    this.#files = Object.entries(files).flatMap(([kind, path]) =>
      path === undefined ? [] : [[kind as keyof TlsContent, path] as const],
    );
    this.#name = name;
    this.#logger = logger;
    this.#stamp = this.#stampNow();
    this.#content = this.#read();
    this.#warnOfValidity();
  }

  /** The same object as long as no file has changed. */
  get content(): TlsContent {
    if (this.#files.length === 0) return this.#content;
    const stamp = this.#stampNow();
    if (stamp === this.#stamp) return this.#content;
    this.#stamp = stamp;
    try {
      this.#content = this.#read();
      this.#logger('info', `The PEM files of target ${this.#name} have changed, and count from now on.`);
      this.#warnOfValidity();
    } catch (error) {
      this.#logger('warn', `${messageOf(error)} Until then the files count as they were before.`);
    }
    return this.#content;
  }

  /** The target refuses a certificate that has expired, without saying why. */
  #warnOfValidity(): void {
    const own = certificatesIn(this.#content.cert ?? '')[0];
    const fault = own === undefined ? null : outsideValidity(own, Date.now());
    if (own === undefined || fault === null) return;
    this.#logger(
      'warn',
      `The certificate that target ${this.#name} is shown is valid until ${own.validToDate.toISOString().slice(0, 10)}, ${fault}.`,
    );
  }

  #stampNow(): string {
    return this.#files
      .map(([, path]) => {
        const found = statSync(path, { throwIfNoEntry: false });
        return found === undefined ? 'missing' : `${found.mtimeMs} ${found.size} ${found.ino}`;
      })
      .join(',');
  }

  #read(): TlsContent {
    const content: TlsContent = Object.fromEntries(
      this.#files.map(([kind, path]) => [kind, readPem(path, WHAT[kind], this.#name)]),
    );
    try {
      createSecureContext(content);
    } catch (error) {
      throw new TributaryError(
        'setting_invalid',
        `The PEM files of target ${this.#name} cannot be used (${codeOrMessage(error)}): the key has to belong to the ` +
          'first certificate in its file, and the certificates of intermediate authorities come behind that.',
        { cause: error },
      );
    }
    return content;
  }
}

const WHAT = { ca: "authorities' file", cert: 'certificate file', key: 'key file' } as const;

function readPem(path: string, what: string, name: string): string {
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (error) {
    throw new TributaryError(
      'setting_invalid',
      `The ${what} of target ${name} cannot be read: ${messageOf(error)}. Name a readable PEM file.`,
      { cause: error },
    );
  }
  const fault = pemFault(content, what === WHAT.key ? 'key' : 'certificates');
  if (fault !== null)
    throw new TributaryError('setting_invalid', `The ${what} of target ${name}, ${path}, ${fault}.`);
  return content.toString('utf8');
}

function codeOrMessage(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : messageOf(error);
}

import type { Header } from '../../core/http-headers.ts';
import type { VerdictRules } from '../../core/verdict-rules.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Tracing } from '../../ports/tracing.ts';
import type { BodyOptions } from './body.ts';
import type { OAuthClient } from './oauth.ts';
import type { TlsFileNames } from './tls-files.ts';

/** The names of one target's settings, as a person finds them. */
export interface SettingNames {
  readonly url: string;
  readonly secret: string;
  /** Names the file of the authorities that sign the target's certificate. */
  readonly caFile: string;
  /** Names the file of the certificate that is shown to the target. */
  readonly certFile: string;
  readonly apiKey: string;
  readonly headers: string;
  /** Names the settings of the client at the token endpoint. */
  readonly oauth: string;
  readonly proxy: string;
}

export const SETTING_NAMES: SettingNames = {
  url: 'the target URL',
  secret: 'the signing secret',
  caFile: "the file of the certificate's authorities",
  certFile: 'the files of our certificate and its key',
  apiKey: 'the API key',
  headers: 'the further headers',
  oauth: 'the OAuth client',
  proxy: 'the proxy',
};

/** How a target is reached, and how requests to it are authorized. */
export interface ReachOptions extends TlsFileNames {
  /** A bearer key, unless `apiKeyHeader` names another header for it. */
  readonly apiKey?: string | undefined;
  readonly apiKeyHeader?: string | undefined;
  /** Further headers of every request. */
  readonly headers?: readonly Header[] | undefined;
  /** Each request gets a token of this client as `Authorization: Bearer`. */
  readonly oauth?: OAuthClient | undefined;
  /** The proxy to the target. */
  readonly proxy?: URL | null | undefined;
}

export interface HttpTargetOptions extends ReachOptions, BodyOptions {
  /** Names the target in the ledger and in messages. */
  readonly name: string;
  /** States are posted to this URL. Its user and password are sent as Basic authorization, and never shown. */
  readonly url: string;
  /**
   * `whsec_` secrets. Each of them signs every request, so that the owner of the target can replace one secret by another
   * while both are valid. Without secrets, requests are not signed.
   */
  readonly secrets: readonly string[];
  readonly clock: Pick<Clock, 'now' | 'monotonicMs'>;
  readonly logger: Logger;
  /** The time for one request: for the wait for a connection, the connection, the request and the answer together. */
  readonly deadlineMs?: number;
  /** The most connections. Further requests wait for a connection, and their deadline runs meanwhile. */
  readonly connections?: number;
  /** Messages use these names for the settings that a person should look at. */
  readonly settingNames?: Partial<SettingNames>;
  /** What the target means by its statuses, where it differs from the contract. */
  readonly verdicts?: VerdictRules | undefined;
  /** Records a span for each request. Default: nobody records any. */
  readonly tracing?: Tracing;
}

import type { Clock } from '../../ports/clock.ts';
import { fixedHeaders } from './authorization.ts';
import { TokenSource } from './oauth.ts';
import type { ReachOptions } from './options.ts';
import { type Way, type WayOptions, wayTo } from './way.ts';

export interface ReachInput extends ReachOptions, Pick<WayOptions, 'name' | 'logger' | 'deadlineMs'> {
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** The way to a target, and what authorizes the requests to it. */
export interface Reach extends Way {
  /** The headers of each request, as names and values by turns, without a token. */
  headersFor(kind: 'writes' | 'reads'): readonly string[];
  /** Null if requests are authorized by nothing that ends. The owner closes it. */
  readonly tokens: TokenSource | null;
}

/** Throws `setting_invalid` for options that cannot work. */
export function reach(url: URL, options: ReachInput): Reach {
  const { oauth, name } = options;
  const way = wayTo(url, options);
  const fixed = (kind: 'writes' | 'reads') => [
    ...way.headers,
    ...fixedHeaders({ ...options, url, hasToken: oauth !== undefined, name }, kind),
  ];
  const headers = { writes: fixed('writes'), reads: fixed('reads') };
  return {
    ...way,
    headersFor: (kind) => headers[kind],
    tokens: oauth === undefined ? null : new TokenSource(oauth, options),
  };
}

import type { Codec } from './codec.ts';

/** One kind of request, in one version. */
export interface Api<Request, Response> {
  readonly key: number;
  readonly version: number;
  readonly request: Codec<Request>;
  readonly response: Codec<Response>;
}

export function api<Request, Response>(
  key: number,
  version: number,
  request: Codec<Request>,
  response: Codec<Response>,
): Api<Request, Response> {
  return { key, version, request, response };
}

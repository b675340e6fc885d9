import { onTestFinished } from 'vitest';
import { type HttpTargetOptions, openHttpTarget } from '../../../src/adapters/http-delivery/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import type { DeliveryTarget } from '../../../src/ports/delivery-target.ts';
import { type Script, type ScriptedServer, startScriptedServer } from './scripted-server.ts';

export const never = new AbortController().signal;

/** A scripted server that ends with the test. */
export async function serverOf(
  script: Script,
  tls?: { readonly key: string; readonly cert: string },
): Promise<ScriptedServer> {
  const server = await startScriptedServer(script, tls);
  onTestFinished(() => server.close());
  return server;
}

/** A target at this URL, without secrets, that ends with the test. */
export function targetAt(url: string, options: Partial<HttpTargetOptions> = {}): DeliveryTarget {
  const target = openHttpTarget({
    name: 'test',
    url,
    secrets: [],
    clock: systemClock,
    logger: () => {},
    ...options,
  });
  onTestFinished(() => target.close());
  return target;
}

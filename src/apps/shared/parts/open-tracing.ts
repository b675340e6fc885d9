import type { Tracing } from '../../../ports/tracing.ts';
import type { CommonSettings } from '../settings/load.ts';
import { isKafka } from './open-log.ts';

/**
 * The tracing of a program: spans for the SDK that the user has set up in this process, or none. The embedded log has no name
 * among the messaging systems of OpenTelemetry, so it has one of its own.
 */
export async function openTracing(settings: CommonSettings): Promise<Tracing> {
  const { openTelemetryTracing } = await import('../../../adapters/opentelemetry/index.ts');
  return openTelemetryTracing(isKafka(settings) ? 'kafka' : 'tributary');
}

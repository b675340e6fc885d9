/** Records spans by the OpenTelemetry API. The SDK that takes them is the user's own, and optional. */

export { openTelemetryTracing } from './tracing.ts';

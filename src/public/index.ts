export { systemClock } from '../adapters/system-clock.ts';
export { type RunSettings, runSync } from '../apps/order-sync/run-sync.ts';
export type {
  Adoption,
  BaselineEvent,
  BodyFault,
  Domain,
  EventType,
  JsonObject,
  JsonValue,
  NotReady,
  View,
  ViewColumn,
  ViewRow,
  ViewValue,
} from '../core/domain.ts';
export { type ErrorCode, TributaryError } from '../core/errors.ts';
export { decimalText, jsonText, timestampText } from '../core/view-values.ts';
export type { BodyOf, EventSchema, JsonSchema } from '../pipeline/definition/body-types.ts';
export { defineDomain } from '../pipeline/definition/define-domain.ts';
export type {
  DomainDefinition,
  DomainEvent,
  EventDefinition,
  EventOf,
  Evolve,
  StateOf,
} from '../pipeline/definition/definition.ts';
export type {
  StandardIssue,
  StandardResult,
  StandardSchema,
} from '../pipeline/definition/standard-schema.ts';
export { Sync, type SyncStatus } from '../pipeline/sync.ts';
export type { DeliveryTuning, IngestTuning, SyncOptions } from '../pipeline/sync-options.ts';
export type { TargetRoute } from '../pipeline/target-route.ts';
export type { Clock } from '../ports/clock.ts';
export type {
  DeliveriesSettled,
  Delivery,
  DeliveryOutcome,
  DeliveryTarget,
  DeliveryVerdict,
} from '../ports/delivery-target.ts';
export type { EventLog, EventLogProducer, NewRecord } from '../ports/event-log.ts';
export type { Logger } from '../ports/logger.ts';
export type { OpenedStore, Store } from '../ports/store.ts';

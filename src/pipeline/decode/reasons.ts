/**
 * Why a record is in quarantine. The words are stable, and are stored with the record. docs/quarantine.md has the meaning
 * and the remedy of each (a test compares the two).
 */
export const QUARANTINE_REASONS = [
  'value_missing',
  'value_empty',
  'record_too_large',
  'headers_too_large',
  'header_invalid',
  'cloudevents_version_unsupported',
  'content_type_unsupported',
  'cloudevents_batch_unsupported',
  'cloudevents_data_missing',
  'header_duplicate',
  'key_missing',
  'value_compressed',
  'schema_registry_prefix',
  'schema_unknown',
  'schema_mismatch',
  'utf16_text',
  'binary_format',
  'byte_order_mark',
  'json_too_deep',
  'utf8_invalid',
  'nul_byte',
  'json_invalid',
  'text_not_well_formed',
  'json_duplicate_key',
  'cloudevents_envelope_invalid',
  'body_not_object',
  'source_mismatch',
  'change_not_insert',
  'json_in_text',
  'connect_envelope',
  'change_event',
  'event_nested',
  'event_type_missing',
  'event_type_unknown',
  'topic_wrong',
  'field_missing',
  'field_type_wrong',
  'value_unknown',
  'schema_invalid',
  'number_out_of_range',
  'entity_id_invalid',
  'key_not_entity_id',
  'key_is_json',
  'key_is_binary',
  'time_not_text',
  'time_invalid',
  'time_out_of_bounds',
  'revision_invalid',
  'event_id_invalid',
  'event_not_understood',
] as const;

export type QuarantineReason = (typeof QUARANTINE_REASONS)[number];

/** The result of a step of decoding that refuses the record. The detail never quotes the record. */
export class Rejection {
  readonly reason: QuarantineReason;
  readonly detail: string;

  constructor(reason: QuarantineReason, detail: string) {
    this.reason = reason;
    this.detail = detail;
  }
}

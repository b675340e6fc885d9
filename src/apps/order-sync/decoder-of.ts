import { createDecoder, type Decoder } from '../../pipeline/decode/decoder.ts';
import type { Clock } from '../../ports/clock.ts';
import { openSchemas } from '../shared/parts/open-schemas.ts';
import { sourcesOf } from '../shared/settings/known/source.ts';
import { topicNamesOf } from '../shared/settings/synced.ts';
import type { OrderSyncSettings } from './open-parts.ts';

/** The decoder by which this program judges records. */
export function decoderOf(settings: OrderSyncSettings, clock: Clock) {
  const { acceptsMissingKeys, maxRecordBytes } = settings;
  return createDecoder(settings.synced.domain, {
    topicNames: topicNamesOf(settings),
    acceptsMissingKeys,
    maxRecordBytes,
    sources: sourcesOf(settings),
    schemas: openSchemas(settings, clock),
  });
}

/** A decoder whose events nobody folds. */
export type AnyDecoder = Decoder<unknown>;

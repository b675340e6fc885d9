import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { decoderOf } from '../../src/apps/order-sync/decoder-of.ts';
import { loadSettings } from '../../src/apps/shared/settings/load.ts';
import { CASE_TOPICS, type Case, type CaseEvent, casesOf } from './cases.ts';

const FILES = readdirSync(new URL('records/', import.meta.url)).map((file) => file.replace('.ndjson', ''));

/** The event that order-sync makes of the record with these settings, or its reason and detail. */
function verdict({ topic, record }: Case, settings: Readonly<Record<string, string>>): string | CaseEvent {
  const { values } = loadSettings('order-sync', { env: { ...CASE_TOPICS, ...settings } });
  const decoded = decoderOf(values, systemClock).decode(record, { topic, partition: 0 }, 0);
  if (decoded.kind === 'rejected') return `${decoded.record.reason}: ${decoded.record.detail}`;
  const { entityId, eventId, occurredAtMs, data } = decoded.event;
  return { entityId, eventId, occurredAt: new Date(occurredAtMs).toISOString(), data };
}

describe.each(FILES)('the records of %s', (file) => {
  const cases = casesOf(file);

  it.each(cases)('get their verdict with no settings: $note', (tried) => {
    const given = verdict(tried, {});
    expect(typeof given === 'string' ? given : null).toBe(tried.refused);
  });

  const helped = cases.filter((tried) => tried.helped !== null);
  it.runIf(helped.length > 0).each(helped)(
    'get their verdict with the settings that help: $note',
    (tried) => {
      expect(verdict(tried, tried.helped?.settings ?? {})).toEqual(tried.helped?.gives);
    },
  );
});

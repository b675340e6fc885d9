import { TributaryError } from '../../../core/errors.ts';
import { orders } from '../../../orders/index.ts';
import { createDecoder } from '../../../pipeline/decode/decoder.ts';
import { bestFit, namesFor } from '../../../pipeline/inspect/fit.ts';
import { formsOf } from '../../../pipeline/inspect/forms.ts';
import { readSample, type SampledRecord } from '../../../pipeline/inspect/sample.ts';
import { judge } from '../../../pipeline/inspect/verdicts.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { ValueSchemas } from '../../../ports/value-schemas.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { isKafka, openEventLog } from '../../shared/parts/open-log.ts';
import { openSchemas } from '../../shared/parts/open-schemas.ts';
import { orderSourcesOf } from '../../shared/settings/known/source.ts';
import { DEFAULT_SAMPLE } from '../commands/inspect.ts';
import {
  type Inspection,
  inspectionJson,
  inspectionText,
  nearestSettings,
  settingsInUse,
  settingsThatFit,
} from '../inspection.ts';

const LARGEST_SAMPLE = 10_000;

export async function runInspect(
  clock: Clock,
  { settings, logger, shutdown, output }: CommandContext<'event-producer'>,
  input: CommandInput,
): Promise<number> {
  const topic = input.arguments[0] ?? '';
  const size = sampleSize(input);
  const log = await openEventLog(settings, clock, logger, { clientId: 'event-producer' });
  shutdown.defer('the event log', () => log.close());
  const sample = await readSample(log, topic, size);
  if (sample === null) {
    const where = isKafka(settings) ? `Kafka at ${settings.kafkaBrokers.join(', ')}` : 'The embedded log';
    throw new TributaryError('topic_missing', `${where} has no topic "${topic}": check its name.`);
  }
  const { acceptsMissingKeys, orderTopic, paymentTopic } = settings;
  const isRead = topic === orderTopic || topic === paymentTopic;
  const schemas = openSchemas(settings, clock);
  await preparedBy(schemas, topic, sample.records);
  const plain = createDecoder(orders, { topicNames: namesFor(orders, topic), acceptsMissingKeys });
  const today = isRead
    ? createDecoder(orders, {
        topicNames: { order_events: orderTopic, payment_events: paymentTopic },
        acceptsMissingKeys,
        sources: orderSourcesOf(settings),
        schemas,
      })
    : plain;
  const { values = new Map(), fields = new Map() } = orderSourcesOf(settings)[topic] ?? {};
  const fit = bestFit(orders, topic, sample.records, schemas, {
    values,
    fields,
    likelyType: topic === paymentTopic ? 'PAYMENT' : 'ORDER',
  });
  const inspection: Inspection = {
    sample,
    isRead,
    forms: formsOf(plain, sample.records),
    now: judge(today, sample.records),
    fit: fit.verdicts,
    settings: settingsThatFit(fit, topic, { orderTopic, paymentTopic }),
    nearest: nearestSettings(fit, topic, { orderTopic, paymentTopic }),
    doubts: fit.doubts,
    given: settingsInUse(settings, topic),
  };
  await output.document(inspectionJson(inspection), inspectionText(inspection));
  return EXIT.ok;
}

/** Gets the schemas ready that the records of the sample name. */
async function preparedBy(
  schemas: ValueSchemas | null,
  topic: string,
  sampled: readonly SampledRecord[],
): Promise<void> {
  const topicNames = namesFor(orders, topic);
  const decoder = createDecoder(orders, {
    topicNames,
    sources: { [topic]: { kind: 'schema-registry' } },
    schemas,
  });
  const records = sampled.map(({ record }) => record);
  await decoder.prepare(records, topic);
}

function sampleSize({ options: { sample } }: CommandInput): number {
  if (sample === undefined) return DEFAULT_SAMPLE;
  const size = Number(sample);
  if (/^\d+$/.test(String(sample)) && size >= 1 && size <= LARGEST_SAMPLE) return size;
  throw new TributaryError(
    'usage',
    `--sample is "${String(sample)}": give a whole number from 1 to ${LARGEST_SAMPLE}.`,
  );
}

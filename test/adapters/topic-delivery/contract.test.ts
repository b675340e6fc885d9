import { systemClock } from '../../../src/adapters/system-clock.ts';
import { openTopicTarget } from '../../../src/adapters/topic-delivery/index.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { describeDeliveryTarget } from '../../contract/delivery-target.ts';
import { FakeProducer, headerOf } from './fake-producer.ts';

const noStatus = 'a log gives no status';
const noAnswer = 'a log gives no answer that could be read';

describeDeliveryTarget('Kafka topic', {
  cannot: {
    throttles_for_7_seconds: noStatus,
    refuses: noStatus,
    wants_no_more: noStatus,
    redirects: noStatus,
    does_not_know_the_sender: noStatus,
    has_no_such_place: noStatus,
    drips: noAnswer,
    accepts_with_an_endless_answer: noAnswer,
    closes_after_reading: noAnswer,
  },
  endsLate: 'a call ends when it is certain what became of its records',
  async open(behaviour) {
    const producer = new FakeProducer();
    if (behaviour === 'hangs') producer.onAppend = () => new Promise(() => {});
    if (behaviour === 'fails' || behaviour === 'is_not_there') {
      const code = behaviour === 'fails' ? 'log_append_failed' : 'log_unreachable';
      producer.onAppend = () => Promise.reject(new TributaryError(code, 'Not appended.'));
    }
    const target = openTopicTarget({
      name: 'contract',
      topic: 'order_states',
      producer,
      clock: systemClock,
      isReady: () => true,
      source: '/test',
      type: 'order.state',
    });
    return {
      target,
      received: () =>
        producer.appended.map((record) => ({
          deliveryId: String(headerOf(record, 'webhook-id')),
          body: JSON.parse(Buffer.from(record.value ?? []).toString()),
        })),
      arrival: () => producer.arrival(),
      cleanup: async () => {
        if (behaviour !== 'hangs') await target.close();
      },
    };
  },
});

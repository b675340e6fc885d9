import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Reads one partition of each topic, and hands the records over mixed by time, so that the events of an order meet. */
final class KafkaSource implements Lane.Source {
  private final KafkaConsumer<byte[], byte[]> consumer;
  private final Map<TopicPartition, Lane.Waiting> waiting = new LinkedHashMap<>();

  KafkaSource(String brokers, int maxPollRecords) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", brokers);
    settings.put("enable.auto.commit", "false");
    settings.put("auto.offset.reset", "none");
    settings.put("isolation.level", "read_committed");
    settings.put("max.poll.records", String.valueOf(maxPollRecords));
    settings.put("max.partition.fetch.bytes", "4194304");
    settings.put("receive.buffer.bytes", "1048576");
    consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  void begin(Map<TopicPartition, Long> offsets) {
    consumer.assign(offsets.keySet());
    offsets.forEach((partition, offset) -> {
      consumer.seek(partition, offset);
      waiting.put(partition, new Lane.Waiting());
    });
  }

  @Override
  public List<ConsumerRecord<byte[], byte[]>> take(int max) {
    do {
      waiting.forEach((partition, records) -> {
        if (records.size() >= max) consumer.pause(List.of(partition));
        else consumer.resume(List.of(partition));
      });
      consumer.poll(Duration.ofMillis(isEnough(max) ? 0 : 100)).forEach(
          (record) -> waiting.get(new TopicPartition(record.topic(), record.partition())).add(record));
    } while (!isEnough(max));
    List<ConsumerRecord<byte[], byte[]>> taken = new ArrayList<>(max);
    while (taken.size() < max) {
      Lane.Waiting oldest = null;
      for (var records : waiting.values()) {
        if (records.isEmpty()) continue;
        if (oldest == null || records.peek().timestamp() < oldest.peek().timestamp()) oldest = records;
      }
      if (oldest == null) break;
      taken.add(oldest.poll());
    }
    return taken;
  }

  /** Each partition has records that wait, or is read to its end. */
  private boolean isEnough(int max) {
    boolean hasSome = false;
    for (var entry : waiting.entrySet()) {
      hasSome |= !entry.getValue().isEmpty();
      if (entry.getValue().size() < max && consumer.currentLag(entry.getKey()).orElse(1) > 0) return false;
    }
    return hasSome;
  }
}

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * The strongest hand-written rival that we know to write: a Java consumer with batched JDBC, which does the full work in one
 * transaction: checkpoints by compare-and-set, a packed journal without duplicates, rows folded in the canonical sequence, due
 * deliveries, and quarantine. Each thread has one partition of both topics and a connection of its own.
 *
 *     Rival drain BROKERS ORDER_TOPIC PAYMENT_TOPIC PARTITIONS JDBC_URL BATCH_EVENTS
 *     Rival read BROKERS ORDER_TOPIC PAYMENT_TOPIC PARTITIONS EVENTS       reads only, and prints the milliseconds
 *     Rival sql JDBC_URL CONNECTIONS EVENTS BATCH_EVENTS                   writes events of its own making, and prints the milliseconds
 */
public final class Rival {
  private static final int CACHE_ENTITIES = 100_000;

  private Rival() { }

  public static void main(String[] words) throws Exception {
    switch (words[0]) {
      case "drain" -> drain(
          words[1], List.of(words[2], words[3]), Integer.parseInt(words[4]), words[5], Integer.parseInt(words[6]));
      case "read" -> read(
          words[1], List.of(words[2], words[3]), Integer.parseInt(words[4]), Long.parseLong(words[5]));
      case "sql" -> sql(words[1], Integer.parseInt(words[2]), Integer.parseInt(words[3]), Integer.parseInt(words[4]));
      default -> throw new IllegalArgumentException(words[0]);
    }
  }

  private static void drain(String brokers, List<String> topics, int partitions, String url, int batchEvents)
      throws Exception {
    long epoch = System.currentTimeMillis();
    List<Thread> threads = new ArrayList<>();
    for (int partition = 0; partition < partitions; partition++) {
      Store store = new Store(url, epoch);
      KafkaSource source = new KafkaSource(brokers, batchEvents);
      Lane lane = new Lane(source, store, batchEvents, CACHE_ENTITIES);
      Map<TopicPartition, Long> offsets = new java.util.LinkedHashMap<>();
      for (String topic : topics) {
        long offset = store.claim(topic, partition);
        offsets.put(new TopicPartition(topic, partition), offset);
        lane.beginAt(topic, partition, offset);
      }
      source.begin(offsets);
      threads.add(new Thread(lane));
    }
    threads.forEach(Thread::start);
  }

  private static void read(String brokers, List<String> topics, int partitions, long events) throws Exception {
    var left = new java.util.concurrent.atomic.AtomicLong(events);
    var isDone = new java.util.concurrent.CountDownLatch(1);
    long beganNs = System.nanoTime();
    for (int partition = 0; partition < partitions; partition++) {
      KafkaSource source = new KafkaSource(brokers, 5_000);
      Map<TopicPartition, Long> offsets = new java.util.LinkedHashMap<>();
      for (String topic : topics) offsets.put(new TopicPartition(topic, partition), 0L);
      source.begin(offsets);
      Thread thread = new Thread(() -> {
        while (true) if (left.addAndGet(-source.take(5_000).size()) <= 0) isDone.countDown();
      });
      thread.setDaemon(true);
      thread.start();
    }
    isDone.await();
    System.out.println((System.nanoTime() - beganNs) / 1_000_000);
    System.exit(0);
  }

  private static void sql(String url, int connections, int events, int batchEvents) throws Exception {
    List<Thread> threads = new ArrayList<>();
    for (int number = 0; number < connections; number++) {
      Store store = new Store(url, 1);
      Lane lane = new Lane(made(number, events / connections), store, batchEvents, CACHE_ENTITIES);
      lane.beginAt("made", number, store.claim("made", number));
      threads.add(new Thread(lane));
    }
    long beganNs = System.nanoTime();
    threads.forEach(Thread::start);
    for (Thread thread : threads) thread.join();
    System.out.println((System.nanoTime() - beganNs) / 1_000_000);
  }

  /** Two events for each order, the payment right behind the order. */
  private static Lane.Source made(int partition, int events) {
    var given = new int[1];
    return (max) -> {
      List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>(max);
      for (; records.size() < max && given[0] < events; given[0]++) {
        String id = HexFormat.of().toHexDigits(partition * 1_000_000_000L + given[0] / 2);
        boolean isOrder = given[0] % 2 == 0;
        String body = isOrder
            ? "{\"eventType\":\"ORDER\",\"orderId\":\"" + id
                + "\",\"orderStatus\":\"CREATED\",\"timestamp\":\"2025-01-01T00:00:00.000Z\"}"
            : "{\"eventType\":\"PAYMENT\",\"orderId\":\"" + id
                + "\",\"paymentStatus\":\"PAYMENT_AUTHORIZED\",\"timestamp\":\"2025-01-01T00:00:01.000Z\"}";
        records.add(new ConsumerRecord<>("made", partition, given[0], null, body.getBytes(StandardCharsets.UTF_8)));
      }
      return records.isEmpty() ? null : records;
    };
  }
}

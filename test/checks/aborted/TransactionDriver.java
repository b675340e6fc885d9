import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.header.internals.RecordHeader;

/**
 * Kafka's own producers, driven by lines on stdin (fields between tabs), for tests of what our consumer makes of
 * their records. Each line but `send` is answered by one line on stdout.
 *
 *   open    producer  transactional|plain  compression
 *   begin   producer
 *   send    producer  topic  partition (-1: by key)  key  value
 *   flush   producer                        answers the number of records sent since the last flush
 *   commit  producer
 *   abort   producer                        after a flush, so that the records are in the log
 *   close   producer
 */
public class TransactionDriver {
  private static final Map<String, KafkaProducer<String, String>> producers = new HashMap<>();
  private static final Map<String, List<Future<RecordMetadata>>> sent = new HashMap<>();

  public static void main(String[] arguments) throws Exception {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] fields = line.split("\t", -1);
      if (fields[0].equals("send")) send(fields);
      else out.println(answer(arguments[0], fields));
    }
    for (KafkaProducer<String, String> producer : producers.values()) producer.close();
  }

  private static String answer(String brokers, String[] fields) throws Exception {
    String name = fields[1];
    KafkaProducer<String, String> producer = producers.get(name);
    switch (fields[0]) {
      case "open":
        producers.put(name, open(brokers, name, fields[2].equals("transactional"), fields[3]));
        sent.put(name, new ArrayList<>());
        return "opened";
      case "begin":
        producer.beginTransaction();
        return "begun";
      case "flush":
        return "flushed " + flush(name, producer);
      case "commit":
        flush(name, producer);
        producer.commitTransaction();
        return "committed";
      case "abort":
        flush(name, producer);
        producer.abortTransaction();
        return "aborted";
      case "close":
        producer.close();
        producers.remove(name);
        return "closed";
      default:
        throw new IllegalArgumentException(fields[0]);
    }
  }

  private static KafkaProducer<String, String> open(
      String brokers, String name, boolean isTransactional, String compression) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", brokers);
    properties.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
    properties.put("value.serializer", "org.apache.kafka.common.serialization.StringSerializer");
    properties.put("compression.type", compression);
    properties.put("linger.ms", "0");
    if (isTransactional) properties.put("transactional.id", name);
    KafkaProducer<String, String> producer = new KafkaProducer<>(properties);
    if (isTransactional) producer.initTransactions();
    return producer;
  }

  private static void send(String[] fields) {
    int partition = Integer.parseInt(fields[3]);
    ProducerRecord<String, String> record =
        new ProducerRecord<>(fields[2], partition < 0 ? null : partition, fields[4], fields[5]);
    record.headers().add(new RecordHeader("repeated", "one".getBytes(StandardCharsets.UTF_8)));
    record.headers().add(new RecordHeader("repeated", "two".getBytes(StandardCharsets.UTF_8)));
    sent.get(fields[1]).add(producers.get(fields[1]).send(record));
  }

  private static int flush(String name, KafkaProducer<String, String> producer) throws Exception {
    producer.flush();
    List<Future<RecordMetadata>> futures = sent.put(name, new ArrayList<>());
    for (Future<RecordMetadata> future : futures) future.get();
    return futures.size();
  }
}

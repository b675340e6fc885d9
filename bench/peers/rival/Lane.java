import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** A thread that takes events from a source and commits them in transactions, one after the other. */
final class Lane implements Runnable {
  /** Where records come from. */
  interface Source {
    /** Up to `max` records, those of all partitions mixed by time. Null at the end, if there is one. */
    List<ConsumerRecord<byte[], byte[]>> take(int max) throws Exception;
  }

  private static final int ATTEMPTS = 10;
  private final Source source;
  private final Store store;
  private final int batchEvents;
  private final Event.Decoder decoder;
  private final Map<String, Long> next = new HashMap<>();
  private final Map<String, History> cache;

  Lane(Source source, Store store, int batchEvents, int cacheEntities) throws Exception {
    this.source = source;
    this.store = store;
    this.batchEvents = batchEvents;
    this.decoder = new Event.Decoder();
    this.cache = new LinkedHashMap<>(1024, 0.75f, true) {
      @Override
      protected boolean removeEldestEntry(Map.Entry<String, History> eldest) {
        return size() > cacheEntities;
      }
    };
  }

  void beginAt(String topic, int partition, long offset) {
    next.put(topic + "/" + partition, offset);
  }

  @Override
  public void run() {
    try {
      for (var records = source.take(batchEvents); records != null; records = source.take(batchEvents)) commit(records);
    } catch (Exception error) {
      error.printStackTrace();
      System.exit(1);
    }
  }

  private void commit(List<ConsumerRecord<byte[], byte[]>> records) throws Exception {
    Map<String, List<Event>> byEntity = new HashMap<>();
    Map<String, Store.Move> moves = new LinkedHashMap<>();
    List<Store.Refused> refused = new ArrayList<>();
    for (ConsumerRecord<byte[], byte[]> record : records) {
      String place = record.topic() + "/" + record.partition();
      moves.put(place, new Store.Move(record.topic(), record.partition(), next.get(place), record.offset() + 1));
      try {
        Event event = decoder.decode(record.value());
        event.topic = record.topic();
        event.partition = record.partition();
        event.offset = record.offset();
        byEntity.computeIfAbsent(event.entityId, (unused) -> new ArrayList<>(2)).add(event);
      } catch (Exception error) {
        refused.add(new Store.Refused(
            record.topic(), record.partition(), record.offset(), record.value(), "malformed"));
      }
    }
    // An order that is not in the cache is taken for new. If it is not, its key in the journal is taken, and it is read.
    Map<String, History> known = new HashMap<>();
    for (int attempt = 1; ; attempt++) {
      List<Store.Change> changes = plan(byEntity, known);
      boolean isCommitted;
      try {
        isCommitted = store.commit(List.copyOf(moves.values()), changes, refused);
      } catch (java.sql.SQLTransactionRollbackException error) {
        if (attempt == ATTEMPTS) throw error;
        continue;
      }
      if (isCommitted) {
        for (Store.Change change : changes) {
          for (Event event : change.added()) event.body = null;
          cache.put(change.entityId(), change.history());
        }
        for (var move : moves.entrySet()) next.put(move.getKey(), move.getValue().to());
        return;
      }
      if (attempt == ATTEMPTS) throw new IllegalStateException("a batch was stale again and again");
      known = store.read(byEntity.keySet());
      for (String id : byEntity.keySet()) cache.remove(id);
    }
  }

  private List<Store.Change> plan(Map<String, List<Event>> byEntity, Map<String, History> known) {
    List<Store.Change> changes = new ArrayList<>(byEntity.size());
    for (var entry : byEntity.entrySet()) {
      History before = cache.get(entry.getKey());
      if (before == null) before = known.get(entry.getKey());
      History history = before == null ? new History() : before.copy();
      int fromVersion = history.version();
      List<Event> added = new ArrayList<>(entry.getValue().size());
      for (Event event : entry.getValue()) if (history.add(event)) added.add(event);
      if (added.isEmpty()) continue;
      history.fold();
      boolean hasChanged = before == null
          || history.isReady != before.isReady
          || !java.util.Objects.equals(history.orderStatus, before.orderStatus)
          || !java.util.Objects.equals(history.paymentStatus, before.paymentStatus)
          || !java.util.Objects.equals(history.reviewStatus, before.reviewStatus);
      changes.add(new Store.Change(entry.getKey(), fromVersion, added, history, hasChanged));
    }
    // Rows are locked by id, so that two transactions wait for each other and do not deadlock.
    changes.sort(Comparator.comparing(Store.Change::entityId));
    return changes;
  }

  /** Records that were read and not taken yet, of one partition. */
  @SuppressWarnings("serial")
  static final class Waiting extends ArrayDeque<ConsumerRecord<byte[], byte[]>> { }
}

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * One connection, with the statements of a transaction. All rows of a table go in one INSERT, which we write ourselves: MariaDB's
 * driver sends batches as bulk, which the server executes row by row at twice the cost.
 */
final class Store implements AutoCloseable {
  /** The events that one transaction added to one order, and the order's history with them. */
  record Change(String entityId, int fromVersion, List<Event> added, History history, boolean hasChanged) { }

  /** Moves a checkpoint, if it still stands where this owner left it. */
  record Move(String topic, int partition, long from, long to) { }

  record Refused(String topic, int partition, long offset, byte[] value, String reason) { }

  private static final int SEGMENT_EVENTS = 16;
  private static final String TARGET = "order-mgt";
  private static final JsonFactory JSON = new JsonFactory();
  private final Connection connection;
  private final PreparedStatement moves;
  private final Rows rows = new Rows(
      "INSERT INTO orders (order_id, order_status, payment_status, review_status, ready_to_send, version) VALUES ",
      " ON DUPLICATE KEY UPDATE order_status = VALUES(order_status), payment_status = VALUES(payment_status),"
          + " review_status = VALUES(review_status), ready_to_send = VALUES(ready_to_send), version = VALUES(version)");
  private final Rows segments = new Rows(
      "INSERT INTO journal_segments (entity_id, first_version, event_count, events, bodies) VALUES ", "");
  private final Rows due = new Rows(
      "INSERT INTO deliveries (target, entity_id, due_version, status, attempts, next_attempt_at) VALUES ",
      " ON DUPLICATE KEY UPDATE due_version = VALUES(due_version), status = VALUES(status),"
          + " attempts = VALUES(attempts), next_attempt_at = VALUES(next_attempt_at)");
  private final Statement plain;
  private final PreparedStatement dueIfSent;
  private final PreparedStatement quarantine;
  private final long epoch;

  Store(String url, long epoch) throws SQLException {
    this.epoch = epoch;
    connection = DriverManager.getConnection(url);
    connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
    connection.setAutoCommit(false);
    plain = connection.createStatement();
    moves = connection.prepareStatement(
        "UPDATE checkpoints SET next_offset = ? WHERE topic = ? AND partition_id = ? AND next_offset = ? AND epoch = ?");
    // A state that is no longer ready is due only if the target has an earlier one; otherwise nothing is due any more.
    dueIfSent = connection.prepareStatement(
        "UPDATE deliveries SET due_version = ?, status = IF(delivered_version > 0, 'pending', 'delivered')"
            + " WHERE target = '" + TARGET + "' AND entity_id = ?");
    quarantine = connection.prepareStatement(
        "INSERT INTO quarantine (topic, partition_id, record_offset, reason, record_value) VALUES (?, ?, ?, ?, ?)");
  }

  /** Makes this process the owner of a partition, and returns the offset that it goes on from. */
  long claim(String topic, int partition) throws SQLException {
    try (PreparedStatement claim = connection.prepareStatement(
            "INSERT INTO checkpoints VALUES (?, ?, 0, ?) ON DUPLICATE KEY UPDATE epoch = VALUES(epoch)");
        PreparedStatement look = connection.prepareStatement(
            "SELECT next_offset FROM checkpoints WHERE topic = ? AND partition_id = ?")) {
      claim.setString(1, topic);
      claim.setInt(2, partition);
      claim.setLong(3, epoch);
      claim.executeUpdate();
      look.setString(1, topic);
      look.setInt(2, partition);
      try (ResultSet result = look.executeQuery()) {
        result.next();
        long offset = result.getLong(1);
        connection.commit();
        return offset;
      }
    }
  }

  /** Returns false if an order had events that the change did not know: its key in the journal is taken. */
  boolean commit(List<Move> moved, List<Change> changes, List<Refused> refused) throws SQLException {
    try {
      for (Move move : moved) move(move);
      if (!changes.isEmpty()) write(changes);
      for (Refused record : refused) {
        quarantine.setString(1, record.topic());
        quarantine.setInt(2, record.partition());
        quarantine.setLong(3, record.offset());
        quarantine.setString(4, record.reason());
        quarantine.setBytes(5, record.value());
        quarantine.addBatch();
      }
      if (!refused.isEmpty()) quarantine.executeBatch();
      connection.commit();
      return true;
    } catch (SQLException error) {
      connection.rollback();
      for (Rows each : List.of(rows, segments, due)) each.clear();
      if ("23000".equals(error.getSQLState())) return false;
      throw error;
    }
  }

  private void move(Move move) throws SQLException {
    moves.setLong(1, move.to());
    moves.setString(2, move.topic());
    moves.setInt(3, move.partition());
    moves.setLong(4, move.from());
    moves.setLong(5, epoch);
    if (moves.executeUpdate() != 1) {
      throw new IllegalStateException(move.topic() + "/" + move.partition() + " has another owner");
    }
  }

  private void write(List<Change> changes) throws SQLException {
    int recalled = 0;
    String nowMs = String.valueOf(System.currentTimeMillis());
    for (Change change : changes) {
      String id = change.entityId();
      addSegments(change);
      History history = change.history();
      String version = String.valueOf(history.version());
      rows.begin().text(id).text(history.orderStatus).text(history.paymentStatus).text(history.reviewStatus)
          .number(history.isReady ? "1" : "0").number(version).end();
      if (!change.hasChanged()) continue;
      if (history.isReady) {
        due.begin().text(TARGET).text(id).number(version).text("pending").number("0").number(nowMs).end();
      } else if (history.wasReady) {
        dueIfSent.setLong(1, history.version());
        dueIfSent.setBytes(2, id.getBytes(StandardCharsets.UTF_8));
        dueIfSent.addBatch();
        recalled++;
      }
    }
    rows.execute(plain);
    segments.execute(plain);
    due.execute(plain);
    if (recalled > 0) dueIfSent.executeBatch();
  }

  private void addSegments(Change change) {
    List<Event> added = change.added();
    for (int from = 0; from < added.size(); from += SEGMENT_EVENTS) {
      List<Event> part = added.subList(from, Math.min(added.size(), from + SEGMENT_EVENTS));
      StringBuilder bodies = new StringBuilder(256);
      String facts = facts(part, bodies);
      segments.begin().text(change.entityId()).number(String.valueOf(change.fromVersion() + from))
          .number(String.valueOf(part.size())).text(facts).text(bodies.toString()).end();
    }
  }

  /** The facts of the events as JSON. Appends their bodies. */
  private static String facts(List<Event> events, StringBuilder bodies) {
    StringBuilder json = new StringBuilder(256);
    long nowMs = System.currentTimeMillis();
    int place = 1;
    for (Event event : events) {
      json.append(json.isEmpty() ? "[[" : ",[").append(event.position()).append(',').append(event.timeMs).append(',')
          .append(event.caution).append(",\"").append(event.eventId).append("\",\"").append(event.hash).append("\",\"")
          .append(event.type).append("\",").append(event.revision > 0 ? event.revision : null).append(',').append(nowMs)
          .append(",\"").append(event.topic).append("\",").append(event.partition).append(",\"").append(event.offset)
          .append("\",").append(place).append(',').append(event.body.length).append(",\"")
          .append(event.status).append("\"]");
      place += event.body.length;
      bodies.append(new String(event.body, StandardCharsets.UTF_8));
    }
    return json.append(']').toString();
  }

  /** Reads the histories of these orders from the journal. An order that it does not hold is left out. */
  Map<String, History> read(Collection<String> entityIds) throws SQLException, IOException {
    Map<String, History> histories = new HashMap<>();
    if (entityIds.isEmpty()) return histories;
    String places = "?" + ", ?".repeat(entityIds.size() - 1);
    try (PreparedStatement select = connection.prepareStatement(
        "SELECT s.entity_id, s.events, d.entity_id IS NOT NULL FROM journal_segments s LEFT JOIN deliveries d"
            + " ON d.target = '" + TARGET + "' AND d.entity_id = s.entity_id WHERE s.entity_id IN (" + places + ")")) {
      int place = 1;
      for (String id : entityIds) select.setBytes(place++, id.getBytes(StandardCharsets.UTF_8));
      try (ResultSet found = select.executeQuery()) {
        while (found.next()) {
          String id = new String(found.getBytes(1), StandardCharsets.UTF_8);
          History history = histories.computeIfAbsent(id, (unused) -> new History());
          for (Event event : eventsOf(id, found.getBytes(2))) history.add(event);
          history.wasReady = found.getBoolean(3);
        }
      }
    }
    connection.commit();
    for (History history : histories.values()) history.fold();
    return histories;
  }

  private static List<Event> eventsOf(String id, byte[] facts) throws IOException {
    List<Event> events = new ArrayList<>();
    List<String> values = new ArrayList<>();
    try (JsonParser parser = JSON.createParser(facts)) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.START_ARRAY) {
        values.clear();
        while (parser.nextToken() != JsonToken.END_ARRAY) values.add(parser.getText());
        String revision = values.get(6);
        events.add(new Event(
            id, values.get(5), values.get(13), revision.equals("null") ? 0 : Long.parseLong(revision),
            Long.parseLong(values.get(1)), values.get(3), values.get(4)));
      }
    }
    return events;
  }

  @Override
  public void close() throws SQLException {
    connection.close();
  }

  /** One INSERT of many rows, as text. */
  private static final class Rows {
    private final String head;
    private final String tail;
    private final StringBuilder sql = new StringBuilder(1 << 20);
    private boolean isFirst;

    Rows(String head, String tail) {
      this.head = head;
      this.tail = tail;
    }

    Rows begin() {
      sql.append(sql.isEmpty() ? head : ",").append('(');
      isFirst = true;
      return this;
    }

    Rows text(String text) {
      comma();
      if (text == null) {
        sql.append("NULL");
        return this;
      }
      sql.append('\'');
      for (int index = 0; index < text.length(); index++) {
        char letter = text.charAt(index);
        if (letter == '\'' || letter == '\\') sql.append('\\');
        sql.append(letter);
      }
      sql.append('\'');
      return this;
    }

    Rows number(String number) {
      comma();
      sql.append(number);
      return this;
    }

    private void comma() {
      if (!isFirst) sql.append(',');
      isFirst = false;
    }

    void end() {
      sql.append(')');
    }

    void execute(Statement statement) throws SQLException {
      if (sql.isEmpty()) return;
      String whole = sql.append(tail).toString();
      sql.setLength(0);
      statement.executeUpdate(whole);
    }

    void clear() {
      sql.setLength(0);
    }
  }
}

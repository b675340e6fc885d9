import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.HexFormat;

/** An event of an order, decoded from a record. */
final class Event implements Comparable<Event> {
  final String entityId;
  final String type;
  final String status;
  final long revision;
  final int stage;
  final long timeMs;
  final int caution;
  final String eventId;
  final String hash;
  /** The rest is only needed until the event is journaled. */
  byte[] body;
  String topic;
  int partition;
  long offset;

  Event(String entityId, String type, String status, long revision, long timeMs, String eventId, String hash) {
    this.entityId = entityId;
    this.type = type;
    this.status = status;
    this.revision = revision;
    this.timeMs = timeMs;
    this.eventId = eventId;
    this.hash = hash;
    this.stage = switch (status) {
      case "CREATED" -> 1;
      case "PAYMENT_AUTHORIZED", "PAYMENT_AUTH_WITHPENDING_REVIEW" -> 2;
      case "AUTHORIZATION_REVIEW_ACCEPTED", "AUTHORIZATION_REVIEW_DECLINED" -> 3;
      default -> throw new IllegalArgumentException("unknown status " + status);
    };
    this.caution =
        status.equals("PAYMENT_AUTH_WITHPENDING_REVIEW") || status.equals("AUTHORIZATION_REVIEW_DECLINED") ? 1 : 0;
  }

  long position() {
    return revision > 0 ? revision : stage;
  }

  /** The canonical sequence. */
  @Override
  public int compareTo(Event other) {
    int difference = Long.compare(position(), other.position());
    if (difference == 0) difference = Long.compare(timeMs, other.timeMs);
    if (difference == 0) difference = Integer.compare(caution, other.caution);
    if (difference == 0) difference = eventId.compareTo(other.eventId);
    return difference == 0 ? hash.compareTo(other.hash) : difference;
  }

  boolean isSameAs(Event other) {
    return eventId.equals(other.eventId) && hash.equals(other.hash);
  }

  /** Decodes the records of one thread. It takes flat objects of texts and whole numbers, which is what the sources send. */
  static final class Decoder {
    private static final JsonFactory JSON = new JsonFactory();
    private static final int FIELDS_MAX = 32;
    private static final HexFormat HEX = HexFormat.of();
    private final String[] names = new String[FIELDS_MAX];
    private final String[] values = new String[FIELDS_MAX];
    private final boolean[] areTexts = new boolean[FIELDS_MAX];
    private final StringBuilder canonical = new StringBuilder();
    private final MessageDigest sha256;

    Decoder() throws NoSuchAlgorithmException {
      sha256 = MessageDigest.getInstance("SHA-256");
    }

    Event decode(byte[] body) throws IOException {
      int count = read(body);
      String hash = HEX.formatHex(sha256.digest(canonical(count)));
      String type = valueOf(count, "eventType");
      String status = valueOf(count, "ORDER".equals(type) ? "orderStatus" : "paymentStatus");
      String entityId = valueOf(count, "orderId");
      String eventId = valueOf(count, "eventId");
      String revision = valueOf(count, "revision");
      String time = valueOf(count, "timestamp");
      if (type == null || status == null || entityId == null || time == null) {
        throw new IOException("a field is missing");
      }
      if (status.equals("PAYMENT_AUHTORIZED")) status = "PAYMENT_AUTHORIZED";
      Event event = new Event(
          entityId, type, status, revision == null ? 0 : Long.parseLong(revision),
          Instant.parse(time).toEpochMilli(), eventId == null ? hash : eventId, hash);
      event.body = body;
      return event;
    }

    private int read(byte[] body) throws IOException {
      int count = 0;
      try (JsonParser parser = JSON.createParser(body)) {
        if (parser.nextToken() != JsonToken.START_OBJECT) throw new IOException("no object");
        while (parser.nextToken() != JsonToken.END_OBJECT) {
          String name = parser.currentName();
          JsonToken token = parser.nextToken();
          if (token != JsonToken.VALUE_STRING && token != JsonToken.VALUE_NUMBER_INT) {
            throw new IOException("a field is no text and no whole number");
          }
          // The fields are kept sorted by name, as canonical JSON has them.
          int place = count++;
          for (; place > 0 && names[place - 1].compareTo(name) > 0; place--) {
            names[place] = names[place - 1];
            values[place] = values[place - 1];
            areTexts[place] = areTexts[place - 1];
          }
          names[place] = name;
          values[place] = parser.getText();
          areTexts[place] = token == JsonToken.VALUE_STRING;
        }
      }
      return count;
    }

    private byte[] canonical(int count) {
      canonical.setLength(0);
      for (int index = 0; index < count; index++) {
        canonical.append(index == 0 ? '{' : ',');
        text(names[index]);
        canonical.append(':');
        if (areTexts[index]) text(values[index]);
        else canonical.append(values[index]);
      }
      return canonical.append('}').toString().getBytes(StandardCharsets.UTF_8);
    }

    private void text(String text) {
      canonical.append('"');
      JsonStringEncoder.getInstance().quoteAsString(text, canonical);
      canonical.append('"');
    }

    private String valueOf(int count, String name) {
      for (int index = 0; index < count; index++) if (names[index].equals(name)) return values[index];
      return null;
    }
  }
}

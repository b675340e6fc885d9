import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The events of one order in the canonical sequence, and their fold. */
final class History {
  private final List<Event> events = new ArrayList<>(2);
  String orderStatus;
  String paymentStatus;
  String reviewStatus;
  boolean isReady;
  /** Whether a delivery was ever due. */
  boolean wasReady;

  int version() {
    return events.size();
  }

  /** Adds an event that is not known yet. Returns false for a duplicate. */
  boolean add(Event event) {
    int place = Collections.binarySearch(events, event);
    if (place >= 0) return false;
    for (Event known : events) if (known.isSameAs(event)) return false;
    events.add(-place - 1, event);
    return true;
  }

  void fold() {
    orderStatus = null;
    paymentStatus = null;
    reviewStatus = null;
    for (Event event : events) {
      switch (event.status) {
        case "CREATED" -> orderStatus = "CREATED";
        case "PAYMENT_AUTH_WITHPENDING_REVIEW" -> reviewStatus = "PENDING";
        case "AUTHORIZATION_REVIEW_ACCEPTED" -> reviewStatus = "ACCEPTED";
        case "AUTHORIZATION_REVIEW_DECLINED" -> reviewStatus = "DECLINED";
        default -> { }
      }
      if (event.stage > 1) paymentStatus = event.status;
    }
    isReady = orderStatus != null
        && ("PAYMENT_AUTHORIZED".equals(paymentStatus) || "AUTHORIZATION_REVIEW_ACCEPTED".equals(paymentStatus));
    wasReady |= isReady;
  }

  /** A copy that a transaction may change. The original is replaced when the transaction is committed. */
  History copy() {
    History copy = new History();
    copy.events.addAll(events);
    copy.orderStatus = orderStatus;
    copy.paymentStatus = paymentStatus;
    copy.reviewStatus = reviewStatus;
    copy.isReady = isReady;
    copy.wasReady = wasReady;
    return copy;
  }
}

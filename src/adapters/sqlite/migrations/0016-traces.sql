-- The W3C trace context that a producer sent with an event; NULL without one.
ALTER TABLE event_journal ADD COLUMN trace_parent TEXT;
ALTER TABLE event_journal ADD COLUMN trace_state TEXT;

-- The trace of the last event that made the delivery's due version due: `traceparent`, then a blank and `tracestate` if
-- there is one. NULL if that event has no trace.
ALTER TABLE deliveries ADD COLUMN trace TEXT;

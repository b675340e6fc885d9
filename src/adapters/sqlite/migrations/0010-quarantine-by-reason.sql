-- The quarantine is counted by topic and reason again and again. This index allows it without reading the records'
-- bytes.
CREATE INDEX quarantine_by_reason ON quarantine (topic, reason);

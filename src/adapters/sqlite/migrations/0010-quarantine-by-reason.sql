-- What is in quarantine is counted by topic and reason again and again: along this index, without the records' bytes.
CREATE INDEX quarantine_by_reason ON quarantine (topic, reason);

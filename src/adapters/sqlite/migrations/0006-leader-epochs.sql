-- The log's leader epoch of the last record that was journaled (-1: not known), which proves to the log, at every new
-- reading, that it still holds that record. A log that lost it and went on with others would answer the same offsets.
ALTER TABLE checkpoints ADD COLUMN leader_epoch INTEGER NOT NULL DEFAULT -1;

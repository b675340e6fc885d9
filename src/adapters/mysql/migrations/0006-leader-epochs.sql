-- The leader epoch of the last journaled record (-1 if it is not known). With it the log can tell at every start of
-- reading whether it still holds that record. A log that lost the record and went on with others has the same offsets.
ALTER TABLE checkpoints ADD COLUMN leader_epoch INT NOT NULL DEFAULT -1;

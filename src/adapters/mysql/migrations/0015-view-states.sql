-- By which fold the rows of a view were made, and with which columns; and the rebuild that is under way, if one is.
-- epoch rises with each change of phase. awaited_fold is the newer fold of a program that has journaled events without
-- their rows. beat rises while somebody works on a switch. Columns are JSON: a list of names with their types.
CREATE TABLE view_states (
  view_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  fold_version INT NOT NULL,
  awaited_fold INT NULL,
  view_columns TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  phase ENUM('steady', 'switching', 'settling') CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  epoch BIGINT NOT NULL,
  beat BIGINT NOT NULL,
  rebuild_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NULL,
  rebuild_fold INT NULL,
  rebuild_columns TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  former_columns TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  report MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  PRIMARY KEY (view_name)
) ENGINE = InnoDB;

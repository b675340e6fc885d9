-- Ids and statuses are bytes: no collation makes two of them equal or pads one with blanks. No table has the name of one
-- of order-sync's tables, so that both programs may share a database.

-- The last state of each order.
CREATE TABLE orders_received (
  order_id        VARBINARY(255) NOT NULL PRIMARY KEY,
  order_status    VARBINARY(1020) NULL,
  payment_status  VARBINARY(1020) NULL,
  review_status   VARBINARY(1020) NULL,
  ready_to_send   BOOLEAN NOT NULL,
  version         BIGINT UNSIGNED NOT NULL
) ENGINE = InnoDB;

-- One row for each delivery id, kept for ever: it proves that the id had one effect. sequence is the number of the receipt.
CREATE TABLE deliveries_received (
  sequence     BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  delivery_id  VARBINARY(255) NOT NULL UNIQUE,
  order_id     VARBINARY(255) NOT NULL,
  version      BIGINT UNSIGNED NOT NULL,
  payload_hash BINARY(64) NOT NULL,
  effect       ENUM('applied', 'ignored') NOT NULL,
  received_at  DATETIME(3) NOT NULL
) ENGINE = InnoDB;

-- Its one row is locked by every transaction that receives deliveries, so that these transactions follow each other.
CREATE TABLE receiving_lock (id TINYINT NOT NULL PRIMARY KEY) ENGINE = InnoDB;
INSERT IGNORE INTO receiving_lock (id) VALUES (1);

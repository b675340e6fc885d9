/**
 * A consumer as people write it: kafkajs hands over one message after the other, and each is one statement of mysql2, which
 * commits by itself. It keeps no journal, and the last event to arrive wins.
 *
 *     consumer.mjs PACKAGES BROKERS GROUP TOPICS DATABASE_URL
 */
import { createRequire } from 'node:module';
import mysql from 'mysql2/promise';

const [packages, brokers, groupId, topics, url] = process.argv.slice(2);
const { Kafka, logLevel } = createRequire(`${packages}/`)('kafkajs');
const pool = mysql.createPool({ uri: url, connectionLimit: 10 });
const kafka = new Kafka({ clientId: 'orders', brokers: brokers.split(','), logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId });
await consumer.connect();
await consumer.subscribe({ topics: topics.split(','), fromBeginning: true });
await consumer.run({
  eachMessage: async ({ message }) => {
    const { orderId, orderStatus = null, paymentStatus = null } = JSON.parse(message.value.toString());
    await pool.execute(
      `INSERT INTO orders (orderId, orderStatus, paymentStatus) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE
         orderStatus = COALESCE(VALUES(orderStatus), orderStatus),
         paymentStatus = COALESCE(VALUES(paymentStatus), paymentStatus)`,
      [orderId, orderStatus, paymentStatus],
    );
  },
});

import { randomUUID } from 'node:crypto';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { describe, expect, test } from 'vitest';
import { createDatabase, kafkaTool, kcat, services } from './context.ts';

describe.each(['kafka', 'kafka39'] as const)('%s', { timeout: 120_000 }, (name) => {
  test.skipIf(services().lacks(name, 'kcat'))(
    'returns the records of Kafka’s console producer and of kcat to both clients',
    async () => {
      const cluster = services()[name];
      const topic = `services-${randomUUID()}`;
      await kafkaTool(cluster, 'TopicCommand', ['--create', '--topic', topic, '--partitions', '1']);
      await kafkaTool(cluster, 'ConsoleProducer', ['--topic', topic], 'from the console producer\n');
      await kcat(services().kcat, cluster, ['-P', '-t', topic, '-p', '0', '-K', '\t'], 'key\tfrom kcat\n');

      const consume = ['--topic', topic, '--from-beginning', '--max-messages', '2'];
      const byConsole = await kafkaTool(cluster, 'ConsoleConsumer', consume);
      expect(byConsole.stdout).toBe('from the console producer\nfrom kcat\n');
      const format = ['-C', '-t', topic, '-o', 'beginning', '-e', '-f', '%o %k %s\n'];
      const byKcat = await kcat(services().kcat, cluster, format);
      expect(byKcat.stdout).toBe('0  from the console producer\n1 key from kcat\n');
    },
  );

  test.skipIf(services().lacks(name))(
    'creates no topic by itself, and kafkaTool rejects when the tool fails',
    async () => {
      const describeTopic = ['--describe', '--topic', `absent-${randomUUID()}`];
      await expect(kafkaTool(services()[name], 'TopicCommand', describeTopic)).rejects.toThrow(
        'does not exist',
      );
    },
  );
});

describe.each(['mysql', 'mariadb'] as const)('%s', { timeout: 120_000 }, (name) => {
  test.skipIf(services().lacks(name))('answers with the version of its address', async () => {
    const { url, version } = services()[name];
    const connection = await createConnection(url);
    const [rows] = await connection.query<RowDataPacket[]>('SELECT VERSION() AS version');
    await connection.end();
    expect(rows[0]?.version).toBe(version);
    expect(version.includes('MariaDB')).toBe(name === 'mariadb');
  });

  test.skipIf(services().lacks(name))(
    'holds databases with unique names, and drops one of them',
    async () => {
      const { url } = services()[name];
      const [first, second] = [await createDatabase(url), await createDatabase(url)];
      expect(first.name).not.toBe(second.name);
      const connection = await createConnection(first.url);
      await connection.query('CREATE TABLE here (id INT PRIMARY KEY)');
      await first.drop();
      const [rows] = await connection.query<RowDataPacket[]>('SHOW DATABASES LIKE ?', ['tributary\\_%']);
      const names = rows.flatMap((row) => Object.values(row));
      expect(names).toContain(second.name);
      expect(names).not.toContain(first.name);
      await connection.end();
      await second.drop();
    },
  );
});

/**
 * The SQL with which ORMs create the table of an entity Order. Each statement was copied from the output of the ORM or
 * from its requests to a server: Hibernate 6.6.1, EclipseLink 4.0.6, TypeORM 1.1.1, Sequelize 6.37.8, Drizzle 0.45.4
 * with drizzle-kit 0.31.11, Knex 3.3.0, MikroORM 6.6.16.
 */
import type { TableCase } from './table-case.ts';

const PAYMENTS =
  "'PAYMENT_AUTHORIZED', 'PAYMENT_AUTH_WITHPENDING_REVIEW', 'AUTHORIZATION_REVIEW_ACCEPTED', 'AUTHORIZATION_REVIEW_DECLINED'";
const SERVERS = ['mariadb', 'mysql'] as const;
const BIT = { yes: "b'1'", no: "b'0'" };
const YES_NO = { yes: "'Y'", no: "'N'" };
const NOW = "'2024-05-06 07:08:09'";

export const ORM_TABLES: readonly TableCase[] = [
  {
    name: 'Hibernate',
    on: SERVERS,
    flag: BIT,
    sql: 'create table orders (ready_to_send bit, order_id varchar(255) not null, order_status varchar(255), payment_status varchar(255), review_status varchar(255), primary key (order_id)) engine=InnoDB',
  },
  {
    name: 'Hibernate, enums',
    on: SERVERS,
    flag: BIT,
    sql: "create table orders (ready_to_send bit, order_id varchar(255) not null, review_status varchar(255), order_status enum ('CREATED'), payment_status enum ('AUTHORIZATION_REVIEW_ACCEPTED','AUTHORIZATION_REVIEW_DECLINED','PAYMENT_AUTHORIZED','PAYMENT_AUTH_WITHPENDING_REVIEW'), primary key (order_id)) engine=InnoDB",
  },
  {
    name: 'Hibernate, YesNoConverter',
    on: SERVERS,
    flag: YES_NO,
    sql: 'create table orders (ready_to_send char(1), order_id varchar(255) not null, order_status varchar(255), payment_status varchar(255), review_status varchar(255), primary key (order_id)) engine=InnoDB',
  },
  {
    name: 'Hibernate, UUID as the id and ordinals',
    on: SERVERS,
    rows: 'none',
    sql: 'create table orders (order_status tinyint, payment_status tinyint, ready_to_send bit, order_id binary(16) not null, review_status varchar(255), primary key (order_id)) engine=InnoDB',
    refused: ['order_id', 'binary(16)', 'order_status', 'payment_status', 'tinyint'],
  },
  {
    name: 'Hibernate, SoftDelete and Version',
    on: SERVERS,
    flag: BIT,
    more: { deleted: "b'0'", version: '0' },
    sql: "create table orders (deleted bit not null comment 'Soft-delete indicator', ready_to_send bit, version integer not null, created_at datetime(6), order_id varchar(255) not null, order_status varchar(255), payment_status varchar(255), review_status varchar(255), primary key (order_id)) engine=InnoDB",
    refused: ['deleted', 'version', 'created_at'],
    takenWith: ['--keep-original-columns'],
  },
  {
    name: 'Hibernate, SoftDelete with a deleted row',
    on: SERVERS,
    flag: BIT,
    more: { deleted: "b'1'", version: '0' },
    sql: 'create table orders (deleted bit not null, ready_to_send bit, version integer not null, order_id varchar(255) not null, order_status varchar(255), payment_status varchar(255), review_status varchar(255), primary key (order_id)) engine=InnoDB',
    with: ['--keep-original-columns'],
    refused: ['deleted', 'sent', 'due'],
    takenWith: ['--keep-original-columns', '--with-deleted-rows'],
  },
  {
    name: 'Hibernate on SQLite, enums',
    on: ['sqlite'],
    sql: `create table orders (ready_to_send boolean, order_id varchar(255) not null, order_status varchar(255) check (order_status in ('CREATED')), payment_status varchar(255) check (payment_status in (${PAYMENTS})), review_status varchar(255), primary key (order_id))`,
  },
  {
    name: 'Hibernate on SQLite, YesNoConverter',
    on: ['sqlite'],
    flag: YES_NO,
    sql: "create table orders (ready_to_send char check (ready_to_send in ('N','Y')), order_id varchar(255) not null, order_status varchar(255), payment_status varchar(255), review_status varchar(255), primary key (order_id))",
  },
  {
    name: 'Hibernate on SQLite, SoftDelete and Version',
    on: ['sqlite'],
    more: { deleted: 'false', version: '0' },
    sql: 'create table orders (deleted boolean not null, ready_to_send boolean, version integer not null, created_at timestamp, order_id varchar(255) not null, order_status varchar(255), payment_status varchar(255), review_status varchar(255), primary key (order_id))',
    refused: ['deleted', 'version', 'created_at'],
    takenWith: ['--keep-original-columns'],
  },
  {
    name: 'EclipseLink',
    on: SERVERS,
    sql: 'CREATE TABLE orders (ORDER_ID VARCHAR(255) NOT NULL PRIMARY KEY, ORDER_STATUS VARCHAR(255), PAYMENT_STATUS VARCHAR(255), READY_TO_SEND TINYINT(1) DEFAULT 0, REVIEW_STATUS VARCHAR(255))',
  },
  {
    name: 'EclipseLink names on SQLite',
    on: ['sqlite'],
    sql: 'CREATE TABLE ORDERS (ORDER_ID VARCHAR(255) NOT NULL PRIMARY KEY, ORDER_STATUS VARCHAR(255), PAYMENT_STATUS VARCHAR(255), READY_TO_SEND TINYINT(1) DEFAULT 0, REVIEW_STATUS VARCHAR(255))',
  },
  {
    name: 'EclipseLink with Version',
    on: SERVERS,
    more: { VERSION: '1' },
    sql: 'CREATE TABLE orders (ORDER_ID VARCHAR(255) NOT NULL PRIMARY KEY, ORDER_STATUS VARCHAR(255), PAYMENT_STATUS VARCHAR(255), READY_TO_SEND TINYINT(1) DEFAULT 0, REVIEW_STATUS VARCHAR(255), VERSION BIGINT)',
    refused: ['VERSION'],
    takenWith: ['--keep-original-columns'],
  },
  {
    name: 'TypeORM',
    on: SERVERS,
    sql: 'CREATE TABLE `orders` (`order_id` varchar(255) NOT NULL, `order_status` varchar(50) NULL, `payment_status` varchar(50) NULL, `review_status` varchar(50) NULL, `ready_to_send` tinyint NOT NULL DEFAULT 0, PRIMARY KEY (`order_id`)) ENGINE=InnoDB',
  },
  {
    name: 'TypeORM, enums',
    on: SERVERS,
    sql: `CREATE TABLE \`orders\` (\`order_id\` varchar(255) NOT NULL, \`order_status\` enum ('CREATED') NULL, \`payment_status\` enum (${PAYMENTS}) NULL, \`review_status\` varchar(50) NULL, \`ready_to_send\` tinyint NOT NULL DEFAULT 0, PRIMARY KEY (\`order_id\`)) ENGINE=InnoDB`,
  },
  {
    name: 'TypeORM, dates, DeleteDate and Version',
    on: SERVERS,
    more: { version: '1' },
    sql: 'CREATE TABLE `orders` (`order_id` varchar(255) NOT NULL, `order_status` varchar(50) NULL, `payment_status` varchar(50) NULL, `review_status` varchar(50) NULL, `ready_to_send` tinyint NOT NULL DEFAULT 0, `createdAt` datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), `updatedAt` datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), `deletedAt` datetime(6) NULL, `version` int NOT NULL, PRIMARY KEY (`order_id`)) ENGINE=InnoDB',
    refused: ['createdAt', 'updatedAt', 'deletedAt', 'version'],
    takenWith: ['--keep-original-columns'],
  },
  {
    name: 'TypeORM, a row deleted softly',
    on: SERVERS,
    more: { version: '1', deletedAt: NOW },
    sql: 'CREATE TABLE `orders` (`order_id` varchar(255) NOT NULL, `order_status` varchar(50) NULL, `payment_status` varchar(50) NULL, `review_status` varchar(50) NULL, `ready_to_send` tinyint NOT NULL DEFAULT 0, `deletedAt` datetime(6) NULL, `version` int NOT NULL, PRIMARY KEY (`order_id`)) ENGINE=InnoDB',
    with: ['--keep-original-columns'],
    refused: ['deleted', 'sent'],
  },
  {
    name: 'TypeORM, uuid on MariaDB',
    on: ['mariadb'],
    ids: 'uuid',
    sql: 'CREATE TABLE `orders` (`order_id` uuid NOT NULL, `order_status` varchar(50) NULL, `payment_status` varchar(50) NULL, `review_status` varchar(50) NULL, `ready_to_send` tinyint NOT NULL DEFAULT 0, PRIMARY KEY (`order_id`)) ENGINE=InnoDB',
  },
  {
    name: 'TypeORM, uuid on MySQL',
    on: ['mysql'],
    ids: 'uuid',
    sql: 'CREATE TABLE `orders` (`order_id` varchar(36) NOT NULL, `order_status` varchar(50) NULL, `payment_status` varchar(50) NULL, `review_status` varchar(50) NULL, `ready_to_send` tinyint NOT NULL DEFAULT 0, PRIMARY KEY (`order_id`)) ENGINE=InnoDB',
  },
  {
    name: 'TypeORM, names in camelCase',
    sql: 'CREATE TABLE orders (orderId varchar(255) NOT NULL, orderStatus varchar(50) NULL, paymentStatus varchar(50) NULL, reviewStatus varchar(50) NULL, readyToSend tinyint NOT NULL DEFAULT 0, PRIMARY KEY (orderId))',
    rows: 'none',
    refused: ['order_id', 'orderId', 'readyToSend', 'rename'],
  },
  {
    name: 'Sequelize without timestamps',
    on: SERVERS,
    sql: `CREATE TABLE IF NOT EXISTS \`orders\` (\`order_id\` VARCHAR(255) , \`order_status\` VARCHAR(50), \`payment_status\` ENUM(${PAYMENTS}), \`review_status\` VARCHAR(50), \`ready_to_send\` TINYINT(1) DEFAULT false, PRIMARY KEY (\`order_id\`)) ENGINE=InnoDB;`,
  },
  {
    name: 'Sequelize as it is by default',
    on: SERVERS,
    more: { createdAt: NOW, updatedAt: NOW },
    sql: `CREATE TABLE IF NOT EXISTS \`orders\` (\`order_id\` VARCHAR(255) , \`order_status\` VARCHAR(50), \`payment_status\` ENUM(${PAYMENTS}), \`review_status\` VARCHAR(50), \`ready_to_send\` TINYINT(1) DEFAULT false, \`createdAt\` DATETIME NOT NULL, \`updatedAt\` DATETIME NOT NULL, PRIMARY KEY (\`order_id\`)) ENGINE=InnoDB;`,
    refused: ['createdAt', 'updatedAt'],
    takenWith: ['--keep-original-columns'],
  },
  {
    name: 'Sequelize, paranoid and version',
    on: SERVERS,
    more: { createdAt: NOW, updatedAt: NOW, deletedAt: NOW },
    sql: `CREATE TABLE IF NOT EXISTS \`orders\` (\`order_id\` VARCHAR(255) , \`order_status\` VARCHAR(50), \`payment_status\` ENUM(${PAYMENTS}), \`review_status\` VARCHAR(50), \`ready_to_send\` TINYINT(1) DEFAULT false, \`createdAt\` DATETIME NOT NULL, \`updatedAt\` DATETIME NOT NULL, \`deletedAt\` DATETIME, \`version\` INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (\`order_id\`)) ENGINE=InnoDB;`,
    refused: ['createdAt', 'updatedAt', 'deletedAt', 'version', 'deleted_rows'],
  },
  {
    name: 'Drizzle with updated_at',
    on: SERVERS,
    sql: 'CREATE TABLE `orders` (`order_id` varchar(255) NOT NULL, `order_status` varchar(50), `payment_status` varchar(50), `review_status` varchar(50), `ready_to_send` boolean NOT NULL DEFAULT false, `updated_at` timestamp DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, CONSTRAINT `orders_order_id` PRIMARY KEY(`order_id`))',
    refused: ['updated_at'],
    takenWith: ['--keep-original-columns'],
  },
  {
    name: 'Drizzle',
    on: SERVERS,
    sql: `CREATE TABLE \`orders\` (\`order_id\` varchar(255) NOT NULL, \`order_status\` varchar(50), \`payment_status\` enum(${PAYMENTS}), \`review_status\` varchar(50), \`ready_to_send\` boolean NOT NULL DEFAULT false, CONSTRAINT \`orders_order_id\` PRIMARY KEY(\`order_id\`))`,
  },
  {
    name: 'Drizzle on SQLite',
    on: ['sqlite'],
    sql: 'CREATE TABLE `orders` (`order_id` text PRIMARY KEY NOT NULL, `order_status` text, `payment_status` text, `review_status` text, `ready_to_send` integer DEFAULT false NOT NULL)',
  },
  {
    name: 'Knex',
    sql: "create table `orders` (`order_id` varchar(255), `order_status` varchar(50), `payment_status` varchar(50), `review_status` varchar(50), `ready_to_send` boolean not null default '0', primary key (`order_id`))",
  },
  {
    name: 'Knex, enums',
    on: SERVERS,
    sql: `create table \`orders\` (\`order_id\` varchar(255), \`order_status\` enum('CREATED'), \`payment_status\` enum(${PAYMENTS}), \`review_status\` enum('PENDING', 'ACCEPTED', 'DECLINED'), \`ready_to_send\` boolean not null default '0', primary key (\`order_id\`))`,
  },
  {
    name: 'Knex on SQLite, enums',
    on: ['sqlite'],
    sql: `create table \`orders\` (\`order_id\` varchar(255), \`order_status\` text check (\`order_status\` in ('CREATED')), \`payment_status\` text check (\`payment_status\` in (${PAYMENTS})), \`review_status\` text check (\`review_status\` in ('PENDING', 'ACCEPTED', 'DECLINED')), \`ready_to_send\` boolean not null default '0', primary key (\`order_id\`))`,
  },
  {
    name: 'Knex, increments and timestamps',
    on: SERVERS,
    sql: "create table `orders` (`id` int unsigned not null auto_increment primary key, `order_id` varchar(255) not null, `order_status` varchar(50), `payment_status` varchar(50), `review_status` varchar(50), `ready_to_send` boolean not null default '0', `created_at` timestamp not null default CURRENT_TIMESTAMP, `updated_at` timestamp not null default CURRENT_TIMESTAMP); alter table `orders` add unique `orders_order_id_unique`(`order_id`)",
    refused: ['id', 'created_at', 'updated_at'],
    takenWith: ['--keep-original-columns'],
  },
  {
    name: 'Knex on SQLite, increments and timestamps',
    on: ['sqlite'],
    sql: "create table `orders` (`id` integer not null primary key autoincrement, `order_id` varchar(255) not null, `order_status` varchar(50), `payment_status` varchar(50), `review_status` varchar(50), `ready_to_send` boolean not null default '0', `created_at` datetime not null default CURRENT_TIMESTAMP, `updated_at` datetime not null default CURRENT_TIMESTAMP); create unique index `orders_order_id_unique` on `orders` (`order_id`)",
    refused: ['id', 'created_at', 'updated_at'],
    takenWith: ['--keep-original-columns'],
  },
  {
    name: 'MikroORM',
    on: SERVERS,
    sql: `create table \`orders\` (\`order_id\` varchar(255) not null, \`order_status\` varchar(50) null, \`payment_status\` enum(${PAYMENTS}) null, \`review_status\` varchar(255) null, \`ready_to_send\` tinyint(1) not null default false, primary key (\`order_id\`)) default character set utf8mb4 engine = InnoDB;`,
  },
  {
    name: 'MikroORM, dates and version',
    on: SERVERS,
    more: { created_at: NOW, updated_at: NOW },
    sql: `create table \`orders\` (\`order_id\` varchar(255) not null, \`order_status\` varchar(50) null, \`payment_status\` enum(${PAYMENTS}) null, \`review_status\` varchar(255) null, \`ready_to_send\` tinyint(1) not null default false, \`created_at\` datetime not null, \`updated_at\` datetime not null, \`version\` int not null default 1, primary key (\`order_id\`)) default character set utf8mb4 engine = InnoDB;`,
    refused: ['created_at', 'updated_at', 'version'],
    takenWith: ['--keep-original-columns'],
  },
  {
    name: 'MikroORM on SQLite',
    on: ['sqlite'],
    sql: `create table \`orders\` (\`order_id\` text not null, \`order_status\` text null, \`payment_status\` text check (\`payment_status\` in (${PAYMENTS})) null, \`review_status\` text null, \`ready_to_send\` integer not null default false, primary key (\`order_id\`));`,
  },
  {
    name: 'MikroORM on SQLite, dates and version',
    on: ['sqlite'],
    more: { created_at: NOW, updated_at: NOW },
    sql: `create table \`orders\` (\`order_id\` text not null, \`order_status\` text null, \`payment_status\` text null, \`review_status\` text null, \`ready_to_send\` integer not null default false, \`created_at\` datetime not null, \`updated_at\` datetime not null, \`version\` integer not null default 1, primary key (\`order_id\`));`,
    refused: ['created_at', 'updated_at', 'version'],
    takenWith: ['--keep-original-columns'],
  },
  {
    name: 'TypeORM on SQLite',
    on: ['sqlite'],
    sql: 'CREATE TABLE "orders" ("order_id" varchar PRIMARY KEY NOT NULL, "order_status" varchar, "payment_status" varchar, "review_status" varchar, "ready_to_send" boolean NOT NULL DEFAULT (0))',
  },
  {
    name: 'TypeORM on SQLite, enums',
    on: ['sqlite'],
    ids: 'uuid',
    sql: `CREATE TABLE "orders" ("order_id" varchar PRIMARY KEY NOT NULL, "order_status" varchar CHECK( "order_status" IN ('CREATED') ), "payment_status" varchar CHECK( "payment_status" IN (${PAYMENTS}) ), "review_status" varchar, "ready_to_send" boolean NOT NULL DEFAULT (0))`,
  },
  {
    name: 'TypeORM on SQLite, dates, DeleteDate and Version',
    on: ['sqlite'],
    more: { version: '1' },
    sql: `CREATE TABLE "orders" ("order_id" varchar PRIMARY KEY NOT NULL, "order_status" varchar, "payment_status" varchar, "review_status" varchar, "ready_to_send" boolean NOT NULL DEFAULT (0), "createdAt" datetime NOT NULL DEFAULT (datetime('now')), "updatedAt" datetime NOT NULL DEFAULT (datetime('now')), "deletedAt" datetime, "version" integer NOT NULL)`,
    refused: ['createdAt', 'updatedAt', 'deletedAt', 'version'],
    takenWith: ['--keep-original-columns'],
  },
  {
    name: 'TypeORM on SQLite, a row deleted softly',
    on: ['sqlite'],
    more: { version: '1', deletedAt: NOW },
    sql: 'CREATE TABLE "orders" ("order_id" varchar PRIMARY KEY NOT NULL, "order_status" varchar, "payment_status" varchar, "review_status" varchar, "ready_to_send" boolean NOT NULL DEFAULT (0), "deletedAt" datetime, "version" integer NOT NULL)',
    with: ['--keep-original-columns'],
    refused: ['deleted', 'sent'],
    takenWith: ['--keep-original-columns', '--with-deleted-rows'],
  },
  {
    name: 'Sequelize on SQLite without timestamps',
    on: ['sqlite'],
    sql: 'CREATE TABLE IF NOT EXISTS `orders` (`order_id` VARCHAR(255) PRIMARY KEY, `order_status` VARCHAR(50), `payment_status` TEXT, `review_status` VARCHAR(50), `ready_to_send` TINYINT(1) DEFAULT 0);',
  },
  {
    name: 'Sequelize on SQLite as it is by default',
    on: ['sqlite'],
    more: { createdAt: NOW, updatedAt: NOW },
    sql: 'CREATE TABLE IF NOT EXISTS `orders` (`order_id` VARCHAR(255) PRIMARY KEY, `order_status` VARCHAR(50), `payment_status` TEXT, `review_status` VARCHAR(50), `ready_to_send` TINYINT(1) DEFAULT 0, `createdAt` DATETIME NOT NULL, `updatedAt` DATETIME NOT NULL);',
    refused: ['createdAt', 'updatedAt'],
    takenWith: ['--keep-original-columns'],
  },
  {
    name: 'Sequelize on SQLite, underscored',
    on: ['sqlite'],
    more: { created_at: NOW, updated_at: NOW },
    sql: 'CREATE TABLE IF NOT EXISTS `orders` (`order_id` VARCHAR(255) PRIMARY KEY, `order_status` VARCHAR(50), `payment_status` TEXT, `review_status` VARCHAR(50), `ready_to_send` TINYINT(1) DEFAULT 0, `created_at` DATETIME NOT NULL, `updated_at` DATETIME NOT NULL);',
    refused: ['created_at', 'updated_at'],
    takenWith: ['--keep-original-columns'],
  },
  {
    name: 'Sequelize on SQLite, paranoid and version',
    on: ['sqlite'],
    more: { createdAt: NOW, updatedAt: NOW, deletedAt: NOW },
    sql: 'CREATE TABLE IF NOT EXISTS `orders` (`order_id` VARCHAR(255) PRIMARY KEY, `order_status` VARCHAR(50), `payment_status` TEXT, `review_status` VARCHAR(50), `ready_to_send` TINYINT(1) DEFAULT 0, `createdAt` DATETIME NOT NULL, `updatedAt` DATETIME NOT NULL, `deletedAt` DATETIME, `version` INTEGER NOT NULL DEFAULT 0);',
    refused: ['createdAt', 'updatedAt', 'deletedAt', 'version', 'deleted_rows'],
  },
  {
    name: 'Drizzle on SQLite, enums as texts and dates as numbers',
    on: ['sqlite'],
    more: { created_at: '1714979289' },
    sql: 'CREATE TABLE `orders` (`order_id` text PRIMARY KEY NOT NULL, `order_status` text, `payment_status` text, `review_status` text, `ready_to_send` integer DEFAULT false NOT NULL, `created_at` integer DEFAULT (unixepoch()) NOT NULL)',
    refused: ['created_at'],
    takenWith: ['--keep-original-columns'],
  },
];

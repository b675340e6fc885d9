import { describe, expect, it } from 'vitest';
import { stockLedger } from '../../../../examples/stock-ledger/domain.ts';
import {
  exampleFor,
  inWordsOf,
  messageFor,
  sentenceFor,
  wordsForPages,
} from '../../../../src/apps/shared/settings/domain-words.ts';
import { SYNCED_ORDERS, syncedOf } from '../../../../src/apps/shared/settings/synced.ts';

const ARTICLES = syncedOf(stockLedger);
const DEVICES = syncedOf({ ...stockLedger, noun: 'device' });
const ACCOUNTS = syncedOf({ ...stockLedger, noun: 'bank account' });

describe('a text in the words of a domain', () => {
  it.each([
    ['an order and An order', 'an article and An article', 'a device and A device'],
    ['Orders of orders', 'Articles of articles', 'Devices of devices'],
    ['Order order', 'Article article', 'Device device'],
    ['order123', 'ID', 'ID'],
  ])('says for "%s" what people call the entities', (text, articles, devices) => {
    expect([inWordsOf(ARTICLES, text), inWordsOf(DEVICES, text)]).toEqual([articles, devices]);
    expect(inWordsOf(SYNCED_ORDERS, text)).toBe(text);
  });

  it.each(['order-sync', 'order_id', '--order', '/orders/', 'ORDER_TOPIC', '"orders"', 'orders.csv'])(
    'keeps the name %s',
    (name) => {
      expect(inWordsOf(ARTICLES, name)).toBe(name);
    },
  );

  it('writes a noun of two words with a blank, and its plural too', () => {
    expect(inWordsOf(ACCOUNTS, 'An order of many orders')).toBe('A bank account of many bank accounts');
  });
});

describe('a sentence of the program', () => {
  it('keeps the words of data in quotes, and names commands as somebody types them', () => {
    const sentence = 'The order "an order of \\"orders\\"" is parked: see order-sync parked.';
    expect(sentenceFor(ARTICLES, sentence)).toBe(
      `The article "an order of \\"orders\\"" is parked: see ${ARTICLES.invocation} parked.`,
    );
    expect(sentenceFor(SYNCED_ORDERS, sentence)).toBe(sentence);
  });

  it('changes commands and settings alone in a message that may quote data', () => {
    const message = 'An order: see order-sync orders, order-sync jobs, order-sync xyz.';
    expect(messageFor(ARTICLES, 'node sync.ts', message)).toBe(
      'An order: see node sync.ts articles, node sync.ts jobs, order-sync xyz.',
    );
    expect(messageFor(SYNCED_ORDERS, 'order-sync', message)).toBe(message);
  });

  it('names its own commands and ids in examples', () => {
    const line = 'order-sync orders order123 order124 --target order-mgt';
    expect(exampleFor(ARTICLES, 'node sync.ts', line)).toBe(
      `node sync.ts articles ID ID2 --target ${ARTICLES.target}`,
    );
    expect(exampleFor(SYNCED_ORDERS, 'order-sync', line)).toBe(line);
  });

  it('gives pages the words of a domain, and none for orders', () => {
    expect(wordsForPages(SYNCED_ORDERS)).toEqual({});
    expect(wordsForPages(ACCOUNTS)).toEqual({
      noun: 'bank account',
      plural: 'bank accounts',
      invocation: ACCOUNTS.invocation,
    });
  });
});

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Oracle } from '../oracle.ts';
import { orderedSubsets, SAMPLES, sampleRecord, sampleText } from './samples.ts';

const topics = { order: 'order_events', payment: 'payment_events' };

describe('the samples of the original', () => {
  it('match the original description byte for byte', () => {
    const digests = SAMPLES.map(({ text }) => createHash('sha256').update(text).digest('hex').slice(0, 16));
    expect(digests).toEqual([
      '36bd1d3c6e32e943',
      '7768948d1d38b89a',
      '47eb558a17897f44',
      '04eac7ee4d127890',
      '4fceb4658c9ce3cf',
    ]);
  });

  it('keep the misspelt status and the spaces after it', () => {
    expect(SAMPLES[1]?.text).toContain('"paymentStatus" : "PAYMENT_AUHTORIZED",  \n');
  });

  it('differ only in the id when they are made for another order', () => {
    for (const sample of SAMPLES) {
      expect(sampleText(sample, 'order123')).toBe(sample.text);
      expect(sampleText(sample, 'case$&9').replace('case$&9', 'order123')).toBe(sample.text);
    }
  });

  it('give 325 ordered subsets of 31 sets', () => {
    const sequences = orderedSubsets(SAMPLES).map((sequence) => sequence.map(({ name }) => name));
    expect(new Set(sequences.map((names) => names.join())).size).toBe(325);
    expect(new Set(sequences.map((names) => [...names].sort().join())).size).toBe(31);
  });

  it('fold to a declined order', () => {
    const oracle = new Oracle(topics);
    for (const sample of SAMPLES) oracle.add(sampleRecord(sample, topics));
    expect(oracle.expectedOrder('order123')).toEqual({
      orderId: 'order123',
      orderStatus: 'CREATED',
      paymentStatus: 'AUTHORIZATION_REVIEW_DECLINED',
      reviewStatus: 'DECLINED',
      readyToSend: false,
      version: 5,
    });
  });
});

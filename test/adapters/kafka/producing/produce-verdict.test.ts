import { describe, expect, it } from 'vitest';
import { KafkaCode } from '../../../../src/adapters/kafka/errors.ts';
import { mayBeAppended, verdictOf } from '../../../../src/adapters/kafka/producing/produce-verdict.ts';

const alone = { isOfFamily: false, isAmbiguous: false };

describe('the verdict on a record batch', () => {
  it.each([
    ['none', 'appended'],
    ['notLeaderOrFollower', 'retry'],
    ['requestTimedOut', 'retry'],
    ['storageError', 'retry'],
    ['messageTooLarge', 'too_large'],
    ['recordListTooLarge', 'too_large'],
    ['unknownProducerId', 'new_identity'],
    ['outOfOrderSequence', 'new_identity'],
    ['invalidProducerEpoch', 'new_identity'],
    ['corruptMessage', 'failed'],
  ] as const)('the answer %s means %s', (name, verdict) => {
    expect(verdictOf(KafkaCode[name], alone)).toBe(verdict);
  });

  it('a producer of a family takes a newer epoch for its being shut out', () => {
    expect(verdictOf(KafkaCode.invalidProducerEpoch, { isOfFamily: true, isAmbiguous: false })).toBe(
      'shut_out',
    );
  });

  it('a record batch that may be in the log is never sent under another producer id', () => {
    for (const name of ['unknownProducerId', 'outOfOrderSequence', 'invalidProducerEpoch'] as const)
      expect(verdictOf(KafkaCode[name], { isOfFamily: false, isAmbiguous: true })).toBe('failed');
  });

  it('a record batch that may be in the log is never sent in pieces', () => {
    for (const name of ['messageTooLarge', 'recordListTooLarge'] as const)
      expect(verdictOf(KafkaCode[name], { isOfFamily: false, isAmbiguous: true })).toBe('failed');
  });

  it('a family sends a record batch that may be in the log again after an error that says nothing about it', () => {
    for (const name of ['corruptMessage', 'messageTooLarge'] as const)
      expect(verdictOf(KafkaCode[name], { isOfFamily: true, isAmbiguous: true })).toBe('retry');
  });

  it('these errors leave open whether the record batch is in the log', () => {
    const open = Object.entries(KafkaCode).flatMap(([name, code]) => (mayBeAppended(code) ? [name] : []));
    expect(open.sort()).toEqual([
      'duplicateSequence',
      'notEnoughReplicasAfterAppend',
      'notLeaderOrFollower',
      'requestTimedOut',
      'storageError',
      'unknownServerError',
      'unknownTopicOrPartition',
    ]);
  });
});

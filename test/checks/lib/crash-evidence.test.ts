import { describe, expect, it } from 'vitest';
import { EVIDENCE, faultsOf, missingEvidence } from './crash-evidence.ts';

const good = {
  events: 8_000,
  effects: 3_000,
  order_sync_kills: 15,
  order_mgt_kills: 15,
  effects_under_kills: 2_000,
  kills_amid_effects: 22,
  states_sent_again: 600,
  duplicates_answered: 40,
  answers_lost: 6,
  settlements_lost: 20,
  older_ignored: 5,
  lost: 0,
  duplicated: 0,
  divergent: 0,
  target_different: 0,
  never_delivered: 0,
  double_effects: 0,
  versions_fallen: 0,
  ids_wrong: 0,
  pending: 0,
  dead: 0,
  crashes: 0,
};

describe('the judgement of a run', () => {
  it('accepts a run without faults and with enough kills, effects and repeats', () => {
    expect(faultsOf(good)).toEqual([]);
    expect(missingEvidence(good)).toEqual([]);
  });

  it.each(Object.keys(good).filter((name) => good[name as keyof typeof good] === 0))(
    'finds a fault if %s is 1 or missing',
    (name) => {
      expect(faultsOf({ ...good, [name]: 1 })).toEqual([`${name} is 1, not 0`]);
      const { [name as 'lost']: _, ...others } = good;
      expect(faultsOf(others)).toHaveLength(1);
    },
  );

  it.each(EVIDENCE)('finds too little evidence if %s is 0', (name) => {
    const missing = missingEvidence({ ...good, [name]: 0 });
    expect(missing).toHaveLength(1);
    expect(missing[0]).toContain(name);
  });

  it('finds too little evidence if nearly all effects came after the last kill', () => {
    expect(missingEvidence({ ...good, effects_under_kills: 700 })).toHaveLength(1);
  });

  it('requires more evidence of a run with more events and kills', () => {
    const longer = { ...good, events: 200_000, order_sync_kills: 400, order_mgt_kills: 400 };
    expect(missingEvidence(longer)).toHaveLength(EVIDENCE.length);
  });

  it('finds no evidence in a run without counts', () => {
    expect(missingEvidence({})).toHaveLength(EVIDENCE.length);
  });
});

import { describe, expect, it } from 'vitest';
import {
  lastTraceOf,
  packTrace,
  TRACE_STATE_MAX,
  traceContextOf,
  traceIdOf,
  unpackTrace,
} from '../../src/core/trace-context.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const PARENT = `00-${TRACE}-${SPAN}-01`;

describe('a traceparent', () => {
  it('a valid one is kept as it is, and has a trace id', () => {
    const context = traceContextOf(PARENT, null);
    expect(context).toEqual({ traceParent: PARENT });
    expect(traceIdOf(context ?? { traceParent: '' })).toBe(TRACE);
    expect(traceContextOf(`00-${TRACE}-${SPAN}-00`, null)).toEqual({ traceParent: `00-${TRACE}-${SPAN}-00` });
  });

  it.each([
    ['a missing one', undefined],
    ['an empty one', ''],
    ['another separator', `00_${TRACE}_${SPAN}_01`],
    ['capital letters', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a parent id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['a short trace id', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['more fields in version 00', `${PARENT}-00`],
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['a blank in front', ` ${PARENT}`],
    ['a line end behind', `${PARENT}\n`],
    ['a flag that is no number', `00-${TRACE}-${SPAN}-0x`],
    ['letters outside ASCII', `00-${TRACE.slice(1)}é-${SPAN}-01`],
  ])('%s is ignored', (_, text) => {
    expect(traceContextOf(text, 'vendor=1')).toBeNull();
  });

  it('one of a later version is read as far as version 00 goes, with the flags that version 00 knows', () => {
    expect(traceContextOf(`cc-${TRACE}-${SPAN}-ff-what-comes-later`, null)).toEqual({
      traceParent: `00-${TRACE}-${SPAN}-03`,
    });
    expect(traceContextOf(`01-${TRACE}-${SPAN}-01later`, null)).toBeNull();
  });
});

describe('a tracestate', () => {
  const stateOf = (text: string) => traceContextOf(PARENT, text)?.traceState;

  it('a valid list is kept, without blanks around its members and without empty members', () => {
    expect(stateOf('rojo=00f067aa0ba902b7,congo=t61rcWkgMzE')).toBe(
      'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
    );
    expect(stateOf(' a=1 ,\t,b=2\t')).toBe('a=1,b=2');
    expect(stateOf('fw529a3039@dt=FfffffffF;a b:c')).toBe('fw529a3039@dt=FfffffffF;a b:c');
  });

  it.each([
    ['no value', 'a'],
    ['an empty value', 'a='],
    ['a capital in the key', 'A=1'],
    ['two equals signs', 'a=1=2'],
    ['the same key twice', 'a=1,a=2'],
    ['33 members', Array.from({ length: 33 }, (_, index) => `k${index}=1`).join(',')],
    ['a control character', 'a=1\u0007'],
    ['a letter outside ASCII', 'a=é'],
    ['only commas', ',,'],
    ['one character too many', `a=${'x'.repeat(TRACE_STATE_MAX - 1)}`],
  ])('one with %s is left out, and the traceparent stays', (_, text) => {
    expect(traceContextOf(PARENT, text)).toEqual({ traceParent: PARENT });
  });

  it('one of 512 characters is kept', () => {
    const members = [`a=${'x'.repeat(254)}`, `b=${'y'.repeat(253)}`].join(',');
    expect(members).toHaveLength(TRACE_STATE_MAX);
    expect(stateOf(members)).toBe(members);
  });
});

describe('the trace of a delivery', () => {
  const other = { traceParent: `00-${TRACE}-${'1'.repeat(16)}-01`, traceState: 'a=1,b=c d' };

  it('the trace is that of the last event that has one', () => {
    expect(lastTraceOf([])).toBeUndefined();
    expect(lastTraceOf([{}, {}])).toBeUndefined();
    expect(lastTraceOf([{ trace: { traceParent: PARENT } }, { trace: other }, {}])).toBe(other);
  });

  it('one text holds both headers, and gives them back', () => {
    expect(unpackTrace(packTrace({ traceParent: PARENT }))).toEqual({ traceParent: PARENT });
    expect(unpackTrace(packTrace(other))).toEqual(other);
    expect(unpackTrace('altered by hand')).toBeNull();
  });
});

describe('the bounds of a trace', () => {
  const stateOf = (text: string) => traceContextOf(PARENT, text)?.traceState;

  it('a tracestate may have 512 characters and 32 members, and not one more', () => {
    const members = (last: number) => `a=${'x'.repeat(254)},b=${'y'.repeat(last)}`;
    expect(stateOf(members(253))).toHaveLength(TRACE_STATE_MAX);
    expect(stateOf(members(254))).toBeUndefined();
    const list = (count: number) => Array.from({ length: count }, (_, index) => `k${index}=1`).join(',');
    expect(stateOf(list(32))).toBe(list(32));
    expect(stateOf(list(33))).toBeUndefined();
  });

  it('one bad member spoils the tracestate, and several blanks do not', () => {
    expect(stateOf('a=1,B=2')).toBeUndefined();
    expect(stateOf(' \t a=1 \t , \tb=2\t ')).toBe('a=1,b=2');
  });

  it('the first event may be the only one with a trace, and a trace without a state has one text', () => {
    const trace = { traceParent: PARENT };
    expect(lastTraceOf([{ trace }, {}])).toBe(trace);
    expect(packTrace(trace)).toBe(PARENT);
  });
});

import { describe, expect, it } from 'vitest';
import { unknownName, unknownVariables } from '../../../../src/apps/shared/settings/unknown-names.ts';

describe('unknownVariables', () => {
  it.each([
    { PATH: '/bin', HOME: '/root' },
    { ORDER_SYNC_LANES: '4', ORDER_SYNC_TARGET_SECRET_FILE: 'secret.txt', ORDER_MGT_PORT: '1' },
    { KAFKA_HEAP_OPTS: '-Xmx1G', KAFKA_HOME: '/opt/kafka' },
    {
      ORDER_SYNC_PORT: 'tcp://10.0.0.1:3000',
      ORDER_SYNC_SERVICE_HOST: '10.0.0.1',
      ORDER_SYNC_SERVICE_PORT_HTTP: '3000',
      ORDER_SYNC_PORT_3000_TCP_ADDR: '10.0.0.1',
      KAFKA_PORT: 'udp://10.0.0.2:9092',
    },
  ])('passes over %j', (env) => {
    expect(unknownVariables(env)).toEqual([]);
  });

  it('names each unknown variable with one of our prefixes, sorted, with the one that was meant', () => {
    expect(
      unknownVariables({ TRIBUTARY_QUUXQUUXQUUX: 'x', ORDER_SYNC_LANS: '4', DATABASE_TSL: 'on' }),
    ).toEqual([
      'DATABASE_TSL (********) is not a variable that Tributary knows: did you mean DATABASE_TLS?',
      'ORDER_SYNC_LANS (4) is not a variable that Tributary knows: did you mean ORDER_SYNC_LANES?',
      'TRIBUTARY_QUUXQUUXQUUX (********) is not a variable that Tributary knows: remove it, or see docs/settings.md',
    ]);
  });

  it.each(['hunter2', '1234567', 'true story', '12 hunter2', 'tcp://hunter2'])(
    'hides the value %s',
    (value) => {
      expect(unknownName('ORDER_SYNC_XYZ', 'variable', value, new Set())).toContain('(********)');
    },
  );

  it.each(['0', '123456', 'true', 'FALSE'])('shows the value %s, which is no secret', (value) => {
    expect(unknownName('ORDER_SYNC_XYZ', 'name', value, new Set())).toContain(`(${value}) is not a name`);
  });
});

import { ProtocolError, ResponseError } from '@platformatic/kafka';
import { describe, expect, it } from 'vitest';
import { closedFault, connectionFault } from '../../../../src/adapters/kafka/cluster/connection-faults.ts';
import type { KafkaLogin } from '../../../../src/adapters/kafka/cluster/login.ts';
import { type KafkaLogOptions, resolveOptions } from '../../../../src/adapters/kafka/options.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { TributaryError } from '../../../../src/core/errors.ts';

const login: KafkaLogin = { mechanism: 'PLAIN', username: 'user', password: 'word' };

function optionsWith(options: Partial<KafkaLogOptions> = {}) {
  return resolveOptions({ brokers: ['kafka1:9092'], clock: systemClock, logger: () => {}, ...options });
}

/** An error of the library around one of the system, as a failed connect has it. */
function failed(code: string, message: string = code): Error {
  return Object.assign(new Error('Connection to kafka1:9092 failed.'), {
    code: 'PLT_KFK_NETWORK',
    cause: Object.assign(new Error(message), { code }),
  });
}

/** The answer of a broker that refuses a login with this error code. */
function refused(errorCode: number, answer: unknown = {}): Error {
  return new ResponseError(36, 2, { '/': [errorCode, null] }, answer);
}

/** The message of the fault at an address that the cluster names for broker 2, or, without it, at KAFKA_BROKERS. */
function messageOf(
  error: unknown,
  options: Partial<KafkaLogOptions> = {},
  advertisedAs: number | null = null,
) {
  const destination = { host: 'kafka1', port: 9092, advertisedAs };
  const fault = connectionFault(destination, error, optionsWith(options));
  expect(fault.code).toBe('log_unreachable');
  return fault.message;
}

describe('a connection that fails', () => {
  it.each([
    ['ENOTFOUND', 'the host name is not known (ENOTFOUND).'],
    ['EAI_AGAIN', 'the host name is not known (EAI_AGAIN).'],
    ['ECONNREFUSED', 'nothing listens there (ECONNREFUSED).'],
    ['EHOSTUNREACH', 'EHOSTUNREACH.'],
  ])('a message gives the reason for %s', (code, reason) => {
    expect(messageOf(failed(code))).toBe(`No connection to Kafka at kafka1:9092: ${reason}`);
  });

  it('a message gives the reason of the first of several addresses', () => {
    const each = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    const all = Object.assign(new Error('failed'), { cause: new AggregateError([each], '') });
    expect(messageOf(all)).toContain('nothing listens there (ECONNREFUSED)');
  });

  it('a message keeps the words of an error of ours, without advice of its own', () => {
    const ours = new TributaryError('log_unreachable', 'The token endpoint answers 500.');
    const message = messageOf(Object.assign(new Error('failed'), { cause: ours }), { login, tls: {} });
    expect(message).toBe('No connection to Kafka at kafka1:9092: The token endpoint answers 500.');
  });

  it('a message writes an IPv6 address in brackets', () => {
    const destination = { host: '::1', port: 9092, advertisedAs: 4 };
    const ofCluster = connectionFault(destination, failed('ECONNREFUSED'), optionsWith());
    expect(ofCluster.message).toMatch(/^No connection to Kafka at \[::1\]:9092: .*advertised\.listeners/);
    const given = optionsWith({ brokers: ['[::1]:9092'] });
    expect(connectionFault(destination, failed('ECONNREFUSED'), given).message).not.toContain('advertised');
  });
});

describe('an address that the cluster names', () => {
  it('a message blames advertised.listeners of the broker', () => {
    expect(messageOf(failed('ECONNREFUSED'), { brokers: ['gate:9092'] }, 2)).toBe(
      'No connection to Kafka at kafka1:9092: nothing listens there (ECONNREFUSED). This address comes from the cluster: ' +
        'the brokers at KAFKA_BROKERS (gate:9092) name it for broker 2. If it is wrong, or cannot be reached from here, ' +
        'correct advertised.listeners of that broker.',
    );
  });

  it('a message blames no listener if KAFKA_BROKERS has the same address', () => {
    expect(messageOf(failed('ECONNREFUSED'), {}, 2)).not.toContain('advertised.listeners');
  });

  it('a message blames no listener for a login that the broker refuses', () => {
    const options = { login, brokers: ['gate:9092'] };
    for (const code of [58, 34]) {
      const message = messageOf(refused(code), options, 2);
      expect(message).toContain('the login is refused');
      expect(message).toContain('Correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD');
      expect(message).not.toContain('advertised.listeners');
    }
  });
});

describe('a refused login', () => {
  it('a message names the mechanisms that the broker accepts', () => {
    const message = messageOf(refused(33, { mechanisms: ['SCRAM-SHA-512', 'OAUTHBEARER'] }), { login });
    expect(message).toContain(
      'login by PLAIN: it accepts SCRAM-SHA-512, OAUTHBEARER. Correct KAFKA_SASL_MECHANISM.',
    );
    expect(messageOf(refused(33, { mechanisms: [] }), { login })).toContain('login by PLAIN. Correct');
  });

  it('a message names the settings of a token', () => {
    const token: KafkaLogin = { mechanism: 'OAUTHBEARER', token: async () => 't', extensions: {} };
    expect(messageOf(refused(58), { login: token })).toContain('KAFKA_SASL_OAUTH_TOKEN_FILE');
  });

  it('a message takes another answer for no refused login', () => {
    const other = Object.assign(new Error('failed'), { cause: new ProtocolError('REQUEST_TIMED_OUT') });
    expect(messageOf(other, { login })).not.toContain('KAFKA_SASL');
  });
});

describe('a fault of TLS', () => {
  it('a message about an unknown authority names the file, if there is one', () => {
    const unknown = failed('SELF_SIGNED_CERT_IN_CHAIN');
    expect(messageOf(unknown, { tls: {} })).toContain('set KAFKA_TLS_CA_FILE to the PEM file');
    expect(messageOf(unknown, { tls: { ca: 'pem' } })).toContain('in the file that KAFKA_TLS_CA_FILE names');
  });

  it('a message about a certificate for other names mentions IP addresses only for one', () => {
    const other = failed('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(messageOf(other, { tls: {} })).not.toContain('IP address');
    const destination = { host: '10.0.0.1', port: 9092, advertisedAs: null };
    const byIp = connectionFault(destination, other, optionsWith({ tls: {} }));
    expect(byIp.message).toContain('which is mostly not by an IP address');
  });

  it('a message about the certificate of the client depends on whether there is one', () => {
    const wanted = failed('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED');
    expect(messageOf(wanted, { tls: {} })).toContain('name it by KAFKA_TLS_CERT_FILE');
    expect(messageOf(wanted, { tls: { cert: 'pem' } })).toContain('does not accept the certificate');
  });

  it('a message tells on which side TLS is missing', () => {
    expect(messageOf(failed('ERR_SSL_WRONG_VERSION_NUMBER'), { tls: {} })).toContain(
      'The broker does not speak TLS on this port',
    );
    const plain = failed('ECONNRESET', 'Broker requires TLS');
    expect(messageOf(plain)).toContain('set KAFKA_TLS=true');
    expect(messageOf(plain, { tls: {} })).not.toContain('set KAFKA_TLS=true');
  });
});

describe('a connection that a broker closes before it answers', () => {
  const messageFor = (options: Partial<KafkaLogOptions>) =>
    closedFault({ host: 'kafka1', port: 9092 }, failed('ECONNRESET'), optionsWith(options)).message;

  it('a message names all settings that are missing', () => {
    expect(messageFor({})).toMatch(/requires a login \(.*\), or TLS \(set KAFKA_TLS=true\)\. /);
  });

  it('a message names the certificate of the client only with TLS and without one', () => {
    expect(messageFor({ login, tls: {} })).toContain('requires a certificate of this client');
    expect(messageFor({ login, tls: { cert: 'pem' } })).toMatch(/\)\. The broker's own log says why\.$/);
    expect(messageFor({ login })).not.toContain('certificate');
  });
});

import { request } from 'node:http';
import type { InstanceStatus } from '../../pipeline/status/instance.ts';
import type { StatusReport } from '../../pipeline/status/report.ts';
import type { OrderSyncSettings } from './open-parts.ts';

/** What the HTTP API of a running order-sync said, or in one sentence why it said nothing. */
export type InstanceAnswer =
  | { readonly kind: 'answered'; readonly url: string; readonly instance: InstanceStatus }
  | { readonly kind: 'silent'; readonly url: string; readonly reason: string };

/** A running instance answers within milliseconds. A slow one must not hold up what log and store tell. */
const DEADLINE_MS = 3_000;
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

/** Asks the order-sync that these settings would start for its status. Never rejects. */
export async function askInstance({
  host,
  port,
  statusKey,
}: Pick<OrderSyncSettings, 'host' | 'port' | 'statusKey'>): Promise<InstanceAnswer> {
  const url = `http://${addressOf(host)}:${port}`;
  if (port === 0) return { kind: 'silent', url, reason: 'ORDER_SYNC_PORT is 0, so its port is not known.' };
  try {
    const { status, body } = await get(`${url}/api/v1/status`, statusKey);
    if (status === 401 || status === 403)
      return { kind: 'silent', url, reason: keyProblem(status, statusKey) };
    const instance = status === 200 ? (JSON.parse(body) as Partial<StatusReport>).instance : null;
    if (instance === null || instance === undefined)
      return {
        kind: 'silent',
        url,
        reason: `What answers there is no order-sync of this version (${status}).`,
      };
    return { kind: 'answered', url, instance };
  } catch (error) {
    const { code } = error as { code?: unknown };
    const what =
      code === 'ECONNREFUSED' ? 'nothing listens there' : String(code ?? 'its answer makes no sense');
    return { kind: 'silent', url, reason: `No order-sync answers: ${what}.` };
  }
}

/** A server that listens on all addresses is asked on loopback. */
function addressOf(host: string): string {
  if (host === '0.0.0.0' || host === '') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

function keyProblem(status: number, statusKey: string | undefined): string {
  if (statusKey === undefined)
    return 'It wants an API key: set ORDER_SYNC_STATUS_KEY to one with the scope read.';
  return status === 401
    ? 'It does not know the key of ORDER_SYNC_STATUS_KEY.'
    : 'The key of ORDER_SYNC_STATUS_KEY lacks the scope read.';
}

function get(url: string, key: string | undefined): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const sent = request(url, { headers, agent: false, timeout: DEADLINE_MS }, (answer) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES_MAX) sent.destroy(new Error('The answer is too long.'));
        else chunks.push(chunk);
      });
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    const late = setTimeout(
      () => sent.destroy(Object.assign(new Error('No answer.'), { code: 'ETIMEDOUT' })),
      DEADLINE_MS,
    );
    sent.on('close', () => clearTimeout(late));
    sent.on('error', reject);
    sent.end();
  });
}

import type { X509Certificate } from 'node:crypto';
import { certificatesIn } from '../pem.ts';

/** The purpose of a certificate that a client shows. Source: RFC 5280, 4.2.1.12. */
const FOR_CLIENTS = '1.3.6.1.5.5.7.3.2';
const FOR_ALL = '2.5.29.37.0';

/**
 * Describes the certificate that is shown to a target, with what a target can have against it: `"order-sync", issued by "shop
 * authority", valid until 2027-01-01`. Nothing of it is secret: every target gets to see it.
 */
export function describeCertificate(pem: string, nowMs: number): string {
  const [own, ...chain] = certificatesIn(pem);
  if (own === undefined) return 'none';
  const until = own.validToDate.toISOString().slice(0, 10);
  const parts = [`${nameIn(own.subject)}, issued by ${nameIn(own.issuer)}, valid until ${until}`];
  const validity = outsideValidity(own, nowMs);
  if (validity !== null) parts.push(`, ${validity}`);
  if (!isForClients(own)) parts.push(', and it is not for clients (extended key usage)');
  if (validity === null && chain.length === 0 && own.subject !== own.issuer)
    parts.push(
      '; if its issuer is an intermediate authority, the certificate of that belongs behind it in the file',
    );
  return parts.join('');
}

/** The subjects of the authorities in a PEM text, in quotes. */
export function describeAuthorities(pem: string): string {
  const names = certificatesIn(pem).map(({ subject }) => nameIn(subject));
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

/** That the certificate does not count now, as the end of a sentence. Null if it counts. */
export function outsideValidity(
  { validFromDate, validToDate }: Pick<X509Certificate, 'validFromDate' | 'validToDate'>,
  nowMs: number,
): string | null {
  if (validToDate.getTime() < nowMs) return 'so it has expired: renew it';
  return validFromDate.getTime() > nowMs
    ? `and not valid before ${validFromDate.toISOString().slice(0, 10)}`
    : null;
}

function isForClients({ keyUsage }: X509Certificate): boolean {
  // Node calls the extended key usage so.
  const purposes = keyUsage as readonly string[] | undefined;
  return purposes === undefined || purposes.includes(FOR_CLIENTS) || purposes.includes(FOR_ALL);
}

/** The common name in a distinguished name, or all of it. */
function nameIn(distinguished: string): string {
  const name = /^CN=(.*)$/m.exec(distinguished)?.[1] ?? distinguished.replaceAll('\n', ', ');
  return JSON.stringify(name.slice(0, 100));
}

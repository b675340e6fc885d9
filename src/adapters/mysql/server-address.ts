export interface ServerAddress {
  /** A name or an address. IPv6 has no brackets. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** TLS settings. Version 1.2 or newer is required; there is no fallback to plain text. */
export interface ServerTls {
  /** What is verified of the server's certificate: its name and authority, its authority alone, or nothing. */
  readonly check: 'name' | 'authority' | 'nothing';
  /** A PEM text with the trusted authorities; default those of the system. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** The name in the certificate, if it is not the host. */
  readonly serverName?: string;
  readonly onlyTls13?: boolean;
}

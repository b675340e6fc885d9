export interface ServerAddress {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** How TLS to the server is spoken: version 1.2 or newer, and never plain text instead. */
export interface ServerTls {
  /** What has to be right of its certificate: the name and the authority, the authority alone, or nothing. */
  readonly check: 'name' | 'authority' | 'nothing';
  /** PEM texts. Without authorities, the system's are trusted. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** The name in the certificate, if it is not the host. */
  readonly serverName?: string;
  readonly onlyTls13?: boolean;
}

/** The names of options, as the user of the caller knows them. Messages use these. */
export interface OptionNames {
  readonly url: string;
  /** The option that gives the secret, such as `ORDER_SYNC_TARGET_SECRET`. */
  readonly secret: string;
  /** The option that gives the key, such as `ORDER_SYNC_TARGET_API_KEY`. */
  readonly apiKey: string;
  /** The option that names the header of the key. */
  readonly apiKeyHeader: string;
  readonly headers: string;
  readonly oauth: string;
  readonly caFile: string;
  readonly certFile: string;
  readonly proxy: string;
  readonly noProxy: string;
  readonly body: string;
  readonly verdicts: string;
  /** The option that says that the target shows its orders, such as `--read-side`. */
  readonly mustShow: string;
}

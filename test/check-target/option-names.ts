import type { OptionNames } from '../../src/check-target/index.ts';

export const OPTION_NAMES: OptionNames = {
  url: 'THE_URL',
  secret: 'THE_SECRET',
  apiKey: 'THE_API_KEY',
  apiKeyHeader: 'THE_KEY_HEADER',
  headers: 'THE_HEADERS',
  oauth: 'THE_OAUTH',
  caFile: 'THE_CA_FILE',
  certFile: 'THE_CERT_FILE',
  proxy: 'THE_PROXY',
  noProxy: 'NO_PROXY',
  body: 'THE_BODY',
  verdicts: 'THE_VERDICTS',
  mustShow: '--the-read-side',
};

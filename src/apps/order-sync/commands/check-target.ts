import { checkTarget, type OptionNames, reportText } from '../../../check-target/index.ts';
import { TributaryError } from '../../../core/errors.ts';
import { loginFault } from '../../../core/url-login.ts';
import { parseSigningKeys } from '../../../core/webhook-signature.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandSpec } from '../../shared/cli/spec.ts';
import { SYNCED_ORDERS } from '../../shared/settings/synced.ts';
import { reachOf, reachOptions } from '../targets/reach.ts';
import { triedBody } from '../targets/tried-rows.ts';
import { wishesOf } from '../targets/wishes.ts';

const EXAMPLE_URL = 'http://localhost:3001/api/orders';

const OPTION_NAMES: OptionNames = {
  url: 'ORDER_SYNC_TARGET_URL',
  secret: 'ORDER_SYNC_TARGET_SECRET',
  apiKey: 'ORDER_SYNC_TARGET_API_KEY',
  apiKeyHeader: 'ORDER_SYNC_TARGET_API_KEY_HEADER',
  headers: 'ORDER_SYNC_TARGET_HEADERS',
  oauth: 'ORDER_SYNC_TARGET_OAUTH_TOKEN_URL with ..._CLIENT_ID and ..._CLIENT_SECRET',
  caFile: 'ORDER_SYNC_TARGET_CA_FILE',
  certFile: 'ORDER_SYNC_TARGET_CERT_FILE and ORDER_SYNC_TARGET_KEY_FILE',
  proxy: 'HTTP_PROXY, HTTPS_PROXY or ORDER_SYNC_TARGET_PROXY',
  noProxy: 'NO_PROXY',
  body: 'ORDER_SYNC_TARGET_BODY or ORDER_SYNC_TARGET_CLOUDEVENTS',
  verdicts: 'ORDER_SYNC_TARGET_VERDICTS',
  mustShow: '--read-side',
};

/** Hands order-sync's settings to check-target, which is a tool of its own, and prints what it found. */
export function checkTargetCommand(): CommandSpec<'order-sync'> {
  return {
    name: 'check-target',
    summary:
      'Check at a running target everything that docs/being-a-target.md asks of it. Leaves test orders behind: ' +
      'their ids begin with "check-target-" and a random run id, so it can be run again and again. ' +
      'ORDER_SYNC_TARGET_SECRET (or ORDER_SYNC_TARGET_SECRET_FILE) signs the requests. The other settings ' +
      'ORDER_SYNC_TARGET_... and the proxies count as they do for order-sync.',
    arguments: [['<url>', `The URL that takes states, as in ${EXAMPLE_URL}.`]],
    options: [
      [
        '--read-side',
        'The target answers GET <url>/<order id>, so an order that is missing there is a fault.',
      ],
    ],
    examples: [
      [`order-sync check-target ${EXAMPLE_URL}`, 'Check a target that takes unsigned requests'],
      [
        'ORDER_SYNC_TARGET_SECRET_FILE=secret.txt order-sync check-target https://target.test/api/orders',
        'Check a target that verifies signatures; the file holds the whsec_ secret',
      ],
      [
        `order-sync check-target ${EXAMPLE_URL} --json`,
        'The same as JSON; the exit code is 1 if a check fails',
      ],
    ],
    async run({ settings, output, shutdown }, input) {
      const url = urlFrom(input.arguments[0] ?? '');
      const wishes = wishesOf(settings);
      const { domain } = settings.synced;
      const isOwn = domain === SYNCED_ORDERS.domain;
      const report = await checkTarget({
        url,
        keys: parseSigningKeys(settings.targetSecret ?? '', OPTION_NAMES.secret),
        reach: reachOptions(reachOf(settings), url.href, settings),
        body: isOwn ? wishes : { ...wishes, template: triedBody(domain, wishes.template) },
        verdicts: wishes.verdicts,
        deadlineMs: settings.deliveryDeadlineMs,
        mustShow: input.options.readSide === true,
        optionNames: OPTION_NAMES,
        stop: shutdown.signal,
      });
      await output.document(report, reportText(report));
      if (!report.isReached) return EXIT.unreachable;
      return report.ok ? EXIT.ok : EXIT.failure;
    },
  };
}

function urlFrom(text: string): URL {
  const login = loginFault(text);
  if (login !== null) throw new TributaryError('usage', `The URL cannot be used: ${login}.`);
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new TributaryError('usage', `Give the URL that takes states, as in ${EXAMPLE_URL}.`);
  }
  return url;
}

import { checkTarget, type OptionNames, reportText } from '../../../check-target/index.ts';
import { TributaryError } from '../../../core/errors.ts';
import { loginFault } from '../../../core/url-login.ts';
import { parseSigningKeys } from '../../../core/webhook-signature.ts';
import { EXIT } from '../../shared/cli/exit-codes.ts';
import type { CommandContext, CommandInput } from '../../shared/cli/spec.ts';
import { SYNCED_ORDERS } from '../../shared/settings/synced.ts';
import { EXAMPLE_URL } from '../commands/check-target.ts';
import { reachOf, reachOptions } from '../targets/reach.ts';
import { triedBody } from '../targets/tried-rows.ts';
import { wishesOf } from '../targets/wishes.ts';

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

export async function runCheckTarget(
  { settings, output, shutdown }: CommandContext<'order-sync'>,
  input: CommandInput,
): Promise<number> {
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

/** How signs that have a meaning in URLs are written in a user or a password. */
const ESCAPES = 'in a user or a password write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23 and % as %25';

/**
 * What is wrong with the user and the password in a URL, as the end of a sentence, with what to do. Null if nothing is, also for
 * a text that is no URL for another reason. Never quotes the text. `hasPath`: whether such a URL has a path or a query.
 */
export function loginFault(given: string, hasPath = true): string | null {
  if (!URL.canParse(given)) return /\/\/.*@/s.test(given) ? ESCAPES : null;
  const { username, password, pathname, search, hash } = new URL(given);
  // A password with # ends the host in front of it, so the rest of the login stands in the fragment.
  if (`${hash}${hasPath ? '' : pathname + search}`.includes('@')) return ESCAPES;
  if (!isDecodable(username) || !isDecodable(password))
    return 'its user or password has a % that begins no escape of UTF-8: write it as %25';
  return decodeURIComponent(username).includes(':')
    ? 'its user has a colon, which Basic authorization takes for the end of the user'
    : null;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

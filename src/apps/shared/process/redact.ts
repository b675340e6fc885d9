const SECRET_NAME = /secret|password|passwd|token|authorization|credential|api_?key/i;
const MASK = '********';

/** Whether a field of this name is never shown, whatever it holds. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/**
 * A text without what may be a secret in it: the credentials of URLs, webhook secrets, and API keys. Drivers put
 * their connection's URL into messages, so every message passes here before it is written anywhere.
 */
export function redact(text: string): string {
  return (
    text
      // The examples in our own messages stay as they are.
      .replace(/\b([a-z][a-z0-9+.-]*:\/\/)(?!user:pass(?:word|%23word)@)[^\s/?#]*@/gi, `$1${MASK}@`)
      .replace(/whsec_[A-Za-z0-9+/=]+/g, `whsec_${MASK}`)
      .replace(/trb_[A-Za-z0-9_-]+/g, `trb_${MASK}`)
  );
}

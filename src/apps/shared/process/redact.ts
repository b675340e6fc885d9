const SECRET_NAME = /secret|password|passwd|token|authorization|credential|api_?key/i;
const MASK = '********';

/** Whether the value of a field with this name is never shown. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/**
 * The text with its secrets masked: credentials in URLs, webhook secrets, and API keys. Drivers put the URL of their
 * connection into messages, so every message is redacted before it is written anywhere.
 */
export function redact(text: string): string {
  return (
    text
      // The examples in our own messages are left as they are.
      .replace(/\b([a-z][a-z0-9+.-]*:\/\/)(?!user:pass(?:word|%23word)@)[^\s/?#]*@/gi, `$1${MASK}@`)
      .replace(/whsec_[A-Za-z0-9+/=]+/g, `whsec_${MASK}`)
      .replace(/trb_[A-Za-z0-9_-]+/g, `trb_${MASK}`)
  );
}

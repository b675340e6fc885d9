import { bytesOf, hexLines } from '../text/hex.ts';
import { SCROLL_REGION } from './scroll-region.ts';

/** The first bytes that are shown; a record may have a mebibyte. */
const SHOWN_BYTES_MAX = 4_096;

/** Bytes in hexadecimal, with their letters beside them. */
export function HexView({ base64, label }: { readonly base64: string; readonly label: string }) {
  const bytes = bytesOf(base64);
  const lines = hexLines(bytes.subarray(0, SHOWN_BYTES_MAX));
  if (bytes.length === 0) return <p className="faint">No bytes.</p>;
  return (
    <>
      <section className="code-view" aria-label={label} {...SCROLL_REGION}>
        <pre>{lines.map(({ at, hex, text }) => `${at}  ${hex.padEnd(48)}  ${text}`).join('\n')}</pre>
      </section>
      {bytes.length > SHOWN_BYTES_MAX ? (
        <p className="faint">
          The first {SHOWN_BYTES_MAX} of {bytes.length} bytes.
        </p>
      ) : null}
    </>
  );
}

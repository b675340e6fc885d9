import { Tabs } from '@base-ui/react/tabs';
import type { Bytes } from '../api/types.ts';
import { CopyButton } from './copy-button.tsx';
import { HexView } from './hex-view.tsx';
import { TextView } from './json-view.tsx';

/** Bytes as a text and in hexadecimal. Bytes that are no UTF-8 have no text. */
export function BytesView({ bytes, label }: { readonly bytes: Bytes | null; readonly label: string }) {
  if (bytes === null) return <p className="faint">There is none.</p>;
  const { text, base64 } = bytes;
  return (
    <Tabs.Root defaultValue={text === null ? 'hex' : 'text'} className="tabs tabs-small">
      <div className="tabs-row">
        <Tabs.List className="tabs-list" aria-label={`${label}: form`}>
          <Tabs.Tab className="tab" value="text" disabled={text === null}>
            Text
          </Tabs.Tab>
          <Tabs.Tab className="tab" value="hex">
            Hex
          </Tabs.Tab>
        </Tabs.List>
        <CopyButton
          label={text === null ? 'Copy base64' : 'Copy text'}
          text={() => (text === null ? base64 : text)}
        />
      </div>
      <Tabs.Panel value="text">
        <TextView text={text ?? ''} label={`${label} as text`} />
      </Tabs.Panel>
      <Tabs.Panel value="hex">
        <HexView base64={base64} label={`${label} in hexadecimal`} />
      </Tabs.Panel>
    </Tabs.Root>
  );
}

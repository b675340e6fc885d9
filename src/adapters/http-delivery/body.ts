import type { BodyTemplate } from '../../core/body-template.ts';
import type { Delivery } from '../../ports/delivery-target.ts';

/** A CloudEvent around each state. Source: CloudEvents 1.0.2, JSON format and HTTP protocol binding. */
export interface CloudEventOptions {
  /** `structured`: the attributes stand in the body. `binary`: they are headers. */
  readonly mode: 'structured' | 'binary';
  readonly type: string;
  readonly source: string;
}

export interface BodyOptions {
  /** The body of a state. Default: the row, and its version. */
  readonly template?: BodyTemplate | undefined;
  readonly cloudEvents?: CloudEventOptions | undefined;
}

/** The body of one request with a single state, and the headers that describe it, as names and values by turns. */
export interface Body {
  readonly text: string;
  readonly contentType: string;
  readonly headers: readonly string[];
}

const JSON_TYPE = 'application/json';
const NO_HEADERS: readonly string[] = [];

/** Makes the bodies of a target. Null if they are as the contract says, which needs no making. */
export function bodyMaker({ template, cloudEvents }: BodyOptions): ((delivery: Delivery) => Body) | null {
  if (template === undefined && cloudEvents === undefined) return null;
  const dataOf = (delivery: Delivery) =>
    template === undefined
      ? JSON.stringify(delivery.body)
      : template.fill({ ...delivery.body, delivery_id: delivery.deliveryId });
  if (cloudEvents === undefined)
    return (delivery) => ({ text: dataOf(delivery), contentType: JSON_TYPE, headers: NO_HEADERS });
  return (delivery) => {
    const { deliveryId: id, entityId: subject } = delivery;
    const { mode, type, source } = cloudEvents;
    if (mode === 'structured') {
      const attributes = { specversion: '1.0', id, source, type, subject, datacontenttype: JSON_TYPE };
      const text = `${JSON.stringify(attributes).slice(0, -1)},"data":${dataOf(delivery)}}`;
      return { text, contentType: 'application/cloudevents+json', headers: NO_HEADERS };
    }
    const attributes = {
      'ce-specversion': '1.0',
      'ce-id': id,
      'ce-source': source,
      'ce-type': type,
      'ce-subject': subject,
    };
    const headers = Object.entries(attributes).flatMap(([name, value]) => [name, headerText(value)]);
    return { text: dataOf(delivery), contentType: JSON_TYPE, headers };
  };
}

/** The text as the value of a header: other characters than visible ASCII, and `"` and `%`, as bytes of UTF-8 in hex. */
function headerText(text: string): string {
  return text.replace(/[^\x21-\x7e]|["%]/gu, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  );
}

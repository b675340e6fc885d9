/** As much of a document as React needs to draw into it. There is no layout: an element has the height that its test gives. */

type Listener = (event: object) => void;

class FakeStyle {
  [name: string]: unknown;

  setProperty(name: string, value: string): void {
    this[name] = value;
  }
}

/** A node of any kind: an element, a text, or the document. */
export class FakeNode {
  readonly nodeType: number;
  readonly nodeName: string;
  readonly ownerDocument: FakeDocument | null;
  readonly namespaceURI = 'http://www.w3.org/1999/xhtml';
  readonly style: FakeStyle = new FakeStyle();
  readonly attributes = new Map<string, string>();
  readonly childNodes: FakeNode[] = [];
  /** The height of the node's part in sight, in pixels. */
  clientHeight = 0;
  clientWidth = 0;
  scrollTop = 0;
  nodeValue: string | null = null;
  parentNode: FakeNode | null = null;
  readonly #listeners = new Map<string, Set<Listener>>();

  constructor(nodeType: number, name: string, ownerDocument: FakeDocument | null) {
    this.nodeType = nodeType;
    this.nodeName = name;
    this.ownerDocument = ownerDocument;
  }

  get tagName(): string {
    return this.nodeName;
  }

  get isConnected(): boolean {
    return this.parentNode !== null;
  }

  get firstChild(): FakeNode | null {
    return this.childNodes[0] ?? null;
  }

  get textContent(): string {
    return this.nodeValue ?? this.childNodes.map(({ textContent }) => textContent).join('');
  }

  set textContent(text: string) {
    this.childNodes.length = 0;
    if (text !== '') this.appendChild(new FakeText(text, this.ownerDocument));
  }

  appendChild(child: FakeNode): FakeNode {
    return this.insertBefore(child, null);
  }

  insertBefore(child: FakeNode, before: FakeNode | null): FakeNode {
    child.parentNode?.removeChild(child);
    const place = before === null ? this.childNodes.length : this.childNodes.indexOf(before);
    this.childNodes.splice(place, 0, child);
    child.parentNode = this;
    return child;
  }

  removeChild(child: FakeNode): FakeNode {
    this.childNodes.splice(this.childNodes.indexOf(child), 1);
    child.parentNode = null;
    return child;
  }

  setAttribute(name: string, value: unknown): void {
    this.attributes.set(name, String(value));
  }

  getAttribute(name: string): string | null {
    return this.attributes.get(name) ?? null;
  }

  removeAttribute(name: string): void {
    this.attributes.delete(name);
  }

  addEventListener(type: string, listener: Listener): void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
  }

  removeEventListener(type: string, listener: Listener): void {
    this.#listeners.get(type)?.delete(listener);
  }

  /** Calls the listeners of this node. The event does not rise to its parents. */
  dispatch(type: string): void {
    for (const listener of this.#listeners.get(type) ?? []) listener({ type, target: this });
  }

  /** All elements of this name below the node, in the sequence of the document. */
  all(name: string): FakeNode[] {
    return this.childNodes.flatMap((child) => [
      ...(child.nodeName === name ? [child] : []),
      ...child.all(name),
    ]);
  }
}

class FakeText extends FakeNode {
  constructor(text: string, ownerDocument: FakeDocument | null) {
    super(3, '#text', ownerDocument);
    this.nodeValue = text;
  }
}

export class FakeDocument extends FakeNode {
  readonly defaultView: object;
  readonly activeElement = null;
  readonly #heights: Readonly<Record<string, number>>;

  constructor(defaultView: object, heights: Readonly<Record<string, number>>) {
    super(9, '#document', null);
    this.defaultView = defaultView;
    this.#heights = heights;
  }

  createElement(name: string): FakeNode {
    const element = new FakeNode(1, name, this);
    element.clientHeight = this.#heights[name] ?? 0;
    return element;
  }

  createTextNode(text: string): FakeNode {
    return new FakeText(text, this);
  }
}

/**
 * Puts a document and its window in the place of the global ones until `restore` is called. `heights` has the heights of
 * elements by their names, in pixels; others have none.
 */
export function fakeWindow(heights: Readonly<Record<string, number>>): {
  readonly document: FakeDocument;
  readonly restore: () => void;
} {
  const window: Record<string, unknown> = {
    HTMLIFrameElement: class {},
    performance,
    setTimeout,
    clearTimeout,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
    requestAnimationFrame: (draw: () => void) => setTimeout(draw, 0),
    cancelAnimationFrame: clearTimeout,
  };
  const document = new FakeDocument(window, heights);
  window.document = document;
  const names = ['window', 'document'] as const;
  const before = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name));
  for (const [name, value] of [
    ['window', window],
    ['document', document],
  ] as const)
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  const restore = () => {
    for (const [index, name] of names.entries()) {
      const known = before[index];
      if (known === undefined) Reflect.deleteProperty(globalThis, name);
      else Object.defineProperty(globalThis, name, known);
    }
  };
  return { document, restore };
}

/** One message of an event stream. */
export interface StreamMessage {
  /** The type of the message; `message` if the stream names none. */
  readonly event: string;
  readonly data: string;
}

/**
 * Reads the messages of an event stream from pieces of text, which may end anywhere. Source: the HTML standard, section
 * "Interpreting an event stream".
 */
export class StreamParser {
  #line = '';
  #sawReturn = false;
  #isFirst = true;
  #event = '';
  #data: string[] = [];
  #id: string | null = null;

  /** The last id that the stream has named so far, also by a message without data; null if it has named none. */
  get lastId(): string | null {
    return this.#id;
  }

  /** Takes the next piece, and returns the messages that it completes. */
  feed(piece: string): StreamMessage[] {
    let text = piece;
    if (this.#isFirst && text !== '') {
      this.#isFirst = false;
      if (text.startsWith('\u{feff}')) text = text.slice(1);
    }
    const messages: StreamMessage[] = [];
    for (const part of this.#linesOf(text)) {
      const message = this.#take(part);
      if (message !== null) messages.push(message);
    }
    return messages;
  }

  /** The lines that end in this piece: after a line feed, a carriage return, or both. */
  #linesOf(text: string): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let index = 0; index < text.length; index++) {
      const letter = text[index];
      const followsReturn = this.#sawReturn;
      this.#sawReturn = letter === '\r';
      if (letter === '\n' && followsReturn) {
        from = index + 1;
        continue;
      }
      if (letter !== '\n' && letter !== '\r') continue;
      lines.push(this.#line + text.slice(from, index));
      this.#line = '';
      from = index + 1;
    }
    this.#line += text.slice(from);
    return lines;
  }

  #take(line: string): StreamMessage | null {
    if (line === '') return this.#dispatch();
    if (line.startsWith(':')) return null;
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const rest = colon < 0 ? '' : line.slice(colon + 1);
    const value = rest.startsWith(' ') ? rest.slice(1) : rest;
    if (field === 'event') this.#event = value;
    else if (field === 'data') this.#data.push(value);
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    return null;
  }

  #dispatch(): StreamMessage | null {
    const event = this.#event === '' ? 'message' : this.#event;
    const data = this.#data;
    this.#event = '';
    this.#data = [];
    return data.length === 0 ? null : { event, data: data.join('\n') };
  }
}

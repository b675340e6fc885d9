/** The bytes of a content hash. */
export const HASH_BYTES = 32;

/** Position, time and caution rank, and one for whoever packs more than keys. */
const NUMBERS = 4;
/** Where the event id begins and where it ends, and two for whoever packs more than keys. */
const PLACES = 4;

/**
 * The sequence keys of many events in three arrays. A key that stands in an object of its own, with its texts, is several
 * objects that the garbage collector has to look at one by one.
 */
export class KeyPack {
  /** The number of keys. */
  count = 0;
  /** Whoever keeps the pack in memory; null at first. */
  holder: object | null = null;
  /** The event ids as UTF-8, each with the 32 bytes of the content hash behind it. */
  bytes: Buffer;
  #numbers: Float64Array<ArrayBufferLike>;
  #places: Int32Array<ArrayBufferLike>;
  #end = 0;

  /** `keys` and `bytes` are expected, and are no limits. */
  constructor(keys: number, bytes: number) {
    // One allocation instead of three: the collector counts the bytes of each, and begins a cycle after so many.
    const count = Math.max(1, keys);
    const memory = new ArrayBuffer(count * (NUMBERS * 8 + PLACES * 4) + Math.max(64, bytes));
    this.#numbers = new Float64Array(memory, 0, NUMBERS * count);
    this.#places = new Int32Array(memory, NUMBERS * 8 * count, PLACES * count);
    this.bytes = Buffer.from(memory, count * (NUMBERS * 8 + PLACES * 4));
  }

  /** Adds a key. `hash` has a character for each byte of the content hash. Answers its index. */
  addKey(position: number, occurredAtMs: number, cautionRank: number, eventId: string, hash: string): number {
    const index = this.#add(position, occurredAtMs, cautionRank);
    this.#reserve(eventId.length * 3 + HASH_BYTES);
    const { bytes } = this;
    this.#places[PLACES * index] = this.#end;
    this.#end += bytes.write(eventId, this.#end);
    this.#places[PLACES * index + 1] = this.#end;
    this.#end += bytes.write(hash, this.#end, HASH_BYTES, 'latin1');
    return index;
  }

  /** Adds a key of another pack. Answers its index. */
  addCopy(pack: KeyPack, from: number): number {
    const index = this.#add(pack.position(from), pack.occurredAtMs(from), pack.cautionRank(from));
    const begin = pack.idAt(from);
    const hashAt = pack.hashAt(from);
    this.#reserve(hashAt + HASH_BYTES - begin);
    this.#places[PLACES * index] = this.#end;
    this.#places[PLACES * index + 1] = this.#end + hashAt - begin;
    this.#end += pack.bytes.copy(this.bytes, this.#end, begin, hashAt + HASH_BYTES);
    return index;
  }

  /** Where the event id of a key begins in `bytes`. It ends where the hash begins. */
  idAt(index: number): number {
    return this.#places[PLACES * index] as number;
  }

  /** Where the 32 bytes of the content hash of a key begin in `bytes`. */
  hashAt(index: number): number {
    return this.#places[PLACES * index + 1] as number;
  }

  position(index: number): number {
    return this.#numbers[NUMBERS * index] as number;
  }

  occurredAtMs(index: number): number {
    return this.#numbers[NUMBERS * index + 1] as number;
  }

  cautionRank(index: number): number {
    return this.#numbers[NUMBERS * index + 2] as number;
  }

  /** The bytes that `copyKeys` takes. */
  protected get keyBytes(): number {
    return this.count * (NUMBERS * 8 + PLACES * 4) + this.#end;
  }

  /** Copies all keys to `at`, which is a multiple of 8. Answers how many bytes of the ids and hashes there are. */
  protected copyKeys(memory: SharedArrayBuffer, at: number): number {
    const placesAt = at + NUMBERS * 8 * this.count;
    const bytesAt = placesAt + PLACES * 4 * this.count;
    new Float64Array(memory, at, NUMBERS * this.count).set(this.#numbers.subarray(0, NUMBERS * this.count));
    new Int32Array(memory, placesAt, PLACES * this.count).set(this.#places.subarray(0, PLACES * this.count));
    new Uint8Array(memory, bytesAt, this.#end).set(this.bytes.subarray(0, this.#end));
    return this.#end;
  }

  /** Takes keys that `copyKeys` has put there. They stay where they are. */
  protected takeKeys(memory: SharedArrayBuffer, at: number, count: number, bytes: number): void {
    const placesAt = at + NUMBERS * 8 * count;
    this.count = count;
    this.#numbers = new Float64Array(memory, at, NUMBERS * count);
    this.#places = new Int32Array(memory, placesAt, PLACES * count);
    this.bytes = Buffer.from(memory, placesAt + PLACES * 4 * count, bytes);
    this.#end = bytes;
  }

  /** A number that a subclass keeps beside a key. */
  protected extra(index: number): number {
    return this.#numbers[NUMBERS * index + 3] as number;
  }

  /** Two integers of 32 bits that a subclass keeps beside a key. */
  protected firstExtra(index: number): number {
    return this.#places[PLACES * index + 2] as number;
  }

  protected secondExtra(index: number): number {
    return this.#places[PLACES * index + 3] as number;
  }

  protected setExtras(index: number, extra: number, first: number, second: number): void {
    this.#numbers[NUMBERS * index + 3] = extra;
    this.#places[PLACES * index + 2] = first;
    this.#places[PLACES * index + 3] = second;
  }

  #add(position: number, occurredAtMs: number, cautionRank: number): number {
    const index = this.count++;
    if (NUMBERS * this.count > this.#numbers.length) {
      this.#numbers = grown(this.#numbers, new Float64Array(2 * this.#numbers.length));
      this.#places = grown(this.#places, new Int32Array(2 * this.#places.length));
    }
    this.#numbers[NUMBERS * index] = position;
    this.#numbers[NUMBERS * index + 1] = occurredAtMs;
    this.#numbers[NUMBERS * index + 2] = cautionRank;
    return index;
  }

  #reserve(more: number): void {
    const needed = this.#end + more;
    if (needed <= this.bytes.length) return;
    this.bytes = grown(this.bytes, Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.bytes.length)));
  }
}

function grown<List extends Float64Array<ArrayBufferLike> | Int32Array<ArrayBufferLike> | Buffer>(
  list: List,
  larger: List,
): List {
  larger.set(list);
  return larger;
}

/** A key in a pack, with its event. Its fields are made when they are asked for. */
export class PackedKey<Event, Pack extends KeyPack = KeyPack> {
  readonly pack: Pack;
  readonly index: number;
  readonly event: Event;

  constructor(pack: Pack, index: number, event: Event) {
    this.pack = pack;
    this.index = index;
    this.event = event;
  }

  get position(): number {
    return this.pack.position(this.index);
  }

  get occurredAtMs(): number {
    return this.pack.occurredAtMs(this.index);
  }

  get cautionRank(): number {
    return this.pack.cautionRank(this.index);
  }

  get eventId(): string {
    const { pack, index } = this;
    return pack.bytes.toString('utf8', pack.idAt(index), pack.hashAt(index));
  }

  get contentHash(): string {
    const at = this.pack.hashAt(this.index);
    return this.pack.bytes.toString('hex', at, at + HASH_BYTES);
  }
}

/** Whether the contents of two events are equal. */
export function hasSameContent(left: PackedKey<unknown>, right: PackedKey<unknown>): boolean {
  const leftAt = left.pack.hashAt(left.index);
  const rightAt = right.pack.hashAt(right.index);
  return areEqual(left.pack.bytes, leftAt, right.pack.bytes, rightAt, HASH_BYTES);
}

/** Whether the ids of two events are equal. */
export function hasSameId(left: PackedKey<unknown>, right: PackedKey<unknown>): boolean {
  const leftAt = left.pack.idAt(left.index);
  const rightAt = right.pack.idAt(right.index);
  const length = left.pack.hashAt(left.index) - leftAt;
  if (length !== right.pack.hashAt(right.index) - rightAt) return false;
  return areEqual(left.pack.bytes, leftAt, right.pack.bytes, rightAt, length);
}

function areEqual(left: Buffer, leftAt: number, right: Buffer, rightAt: number, length: number): boolean {
  for (let place = 0; place < length; place++)
    if (left[leftAt + place] !== right[rightAt + place]) return false;
  return true;
}

/** A content hash of hexadecimal digits as a text with a character for each byte. */
export function hashCharacters(contentHash: string): string {
  return Buffer.from(contentHash, 'hex').toString('latin1');
}

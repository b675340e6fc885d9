import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

/** What work asked the machine for. */
export type Asked = 'clock' | 'randomness';

/** Runs the work, and tells whether it asked for the time or for randomness. It must not wait. Rethrows what it throws. */
export function watched(work: () => void): Asked | null {
  let asked: Asked | null = null;
  const note = (what: Asked) => {
    asked ??= what;
  };
  const restore = [
    replaced(globalThis, 'Date', watchedDate(note)),
    noting(Math, 'random', () => note('randomness')),
    noting(performance, 'now', () => note('clock')),
    noting(process.hrtime, 'bigint', () => note('clock')),
    noting(process, 'hrtime', () => note('clock')),
    ...(['randomUUID', 'getRandomValues'] as const).map((name) =>
      noting(globalThis.crypto, name, () => note('randomness')),
    ),
    ...(['randomUUID', 'randomBytes', 'randomInt', 'randomFillSync'] as const).map((name) =>
      noting(crypto, name, () => note('randomness')),
    ),
  ];
  syncBuiltinESMExports();
  try {
    work();
  } finally {
    for (const undo of restore.reverse()) undo();
    syncBuiltinESMExports();
  }
  return asked;
}

function watchedDate(note: (what: Asked) => void): DateConstructor {
  const Real = Date;
  return new Proxy(Real, {
    apply(target, self, given) {
      note('clock');
      return Reflect.apply(target as unknown as () => string, self, given);
    },
    construct(target, given, self) {
      if (given.length === 0) note('clock');
      return Reflect.construct(target, given, self);
    },
    get(target, name, self) {
      if (name === 'now') note('clock');
      return Reflect.get(target, name, self);
    },
  });
}

/** Puts a function in the place of another one, which notes the call and does the same. */
function noting<Owner extends object>(
  owner: Owner,
  name: keyof Owner & string,
  note: () => void,
): () => void {
  const real = owner[name] as (...given: unknown[]) => unknown;
  const noted = Object.assign(function (this: unknown, ...given: unknown[]) {
    note();
    return Reflect.apply(real, owner, given);
  }, real);
  return replaced(owner, name, noted);
}

function replaced(owner: object, name: string, value: unknown): () => void {
  const own = Object.getOwnPropertyDescriptor(owner, name);
  Object.defineProperty(owner, name, { value, configurable: true, writable: true });
  return () => {
    if (own === undefined) Reflect.deleteProperty(owner, name);
    else Object.defineProperty(owner, name, own);
  };
}

/** Preloaded with `node --import`, this module shifts the wall clock of a program by CHECK_CLOCK_SHIFT_MS milliseconds. */
const shiftMs = Number(process.env.CHECK_CLOCK_SHIFT_MS ?? 0);
const RealDate = Date;
const realNow = RealDate.now.bind(RealDate);

globalThis.Date = new Proxy(RealDate, {
  construct(target, values, newTarget) {
    const moment = values.length === 0 ? [realNow() + shiftMs] : values;
    return Reflect.construct(target, moment, newTarget) as object;
  },
  apply: () => new RealDate(realNow() + shiftMs).toString(),
  get: (target, name, receiver) =>
    name === 'now' ? () => realNow() + shiftMs : (Reflect.get(target, name, receiver) as unknown),
});

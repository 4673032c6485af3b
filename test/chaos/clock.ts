import { readFileSync } from 'node:fs';

/**
 * Loaded into a worker before its program: its wall clock is off by what the file named by CHAOS_CLOCK says, in milliseconds, and steps when the file
 * changes. Monotonic clocks stay right, as they do when a machine's clock is set.
 */

const lookEveryMs = 100;
const file = process.env['CHAOS_CLOCK'];
const RealDate = Date;
let offsetMs = 0;

function look(): void {
  if (file === undefined) return;
  const text = readFileSync(file, 'utf8').trim();
  // Empty in the moment in which it is written.
  if (text !== '' && Number.isFinite(Number(text))) offsetMs = Number(text);
}

/** A date without arguments tells the shifted time; every other use of it is the real thing. */
globalThis.Date = new Proxy(RealDate, {
  construct(target, args, newTarget) {
    return Reflect.construct(target, args.length === 0 ? [target.now() + offsetMs] : args, newTarget);
  },
  apply(target) {
    return new target(target.now() + offsetMs).toString();
  },
  get(target, property, receiver) {
    if (property === 'now') return () => target.now() + offsetMs;
    return Reflect.get(target, property, receiver);
  },
});

if (file !== undefined) {
  look();
  setInterval(look, lookEveryMs).unref();
}

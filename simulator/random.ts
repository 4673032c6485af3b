/** A source of numbers in [0, 1). */
export type Random = () => number;

/** The same numbers for the same parts, on every machine: sfc32 seeded with a hash of the parts. */
export function seeded(...parts: readonly (string | number)[]): Random {
  let [a, b, c, counter] = hash(parts.join('\u0000'));
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 4_294_967_296;
  };
  for (let mixed = 0; mixed < 12; mixed += 1) next();
  return next;
}

export function uniform(random: Random, range: { readonly min: number; readonly max: number }): number {
  return range.min + random() * (range.max - range.min);
}

export function exponential(random: Random, mean: number): number {
  return -Math.log(1 - random()) * mean;
}

/** Seconds drawn from a lognormal, cut off at both ends. */
export function lognormalSeconds(
  random: Random,
  length: { readonly mu: number; readonly sigma: number; readonly minSeconds: number; readonly maxSeconds: number },
): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.min(length.maxSeconds, Math.max(length.minSeconds, Math.exp(length.mu + length.sigma * normal)));
}

/** Four 32-bit words of a text (FNV-1a with four offsets, then mixed). */
function hash(text: string): [number, number, number, number] {
  return [word(text, 0x811c9dc5), word(text, 0x9e3779b9), word(text, 0x85ebca6b), word(text, 0xc2b2ae35)];
}

function word(text: string, offset: number): number {
  let value = offset;
  for (let index = 0; index < text.length; index += 1) value = Math.imul(value ^ text.charCodeAt(index), 16_777_619);
  value = Math.imul(value ^ (value >>> 16), 0x7feb352d);
  value = Math.imul(value ^ (value >>> 15), 0x846ca68b);
  return value ^ (value >>> 16);
}

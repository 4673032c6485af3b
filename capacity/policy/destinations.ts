import parsePhoneNumber from 'libphonenumber-js/max';

/** Which numbers may be dialled. A leaked token must not become toll fraud, so what is not plainly allowed is refused. */

/** `allowed`, or why a number is never dialled. */
export type DestinationVerdict = 'allowed' | 'invalid' | 'premium' | 'not-allowed';

/**
 * Judges an E.164 number. `invalid` is what no numbering plan assigns; emergency numbers fall under it, because they are short codes that
 * have no E.164 form. `premium` (shared-cost numbers too) holds even when a prefix allows it.
 */
export function judgeDestination(number: string, allowPrefixes: readonly string[]): DestinationVerdict {
  const parsed = parsePhoneNumber(number);
  if (parsed === undefined || parsed.number !== number || !parsed.isValid()) return 'invalid';
  const type = parsed.getType();
  if (type === 'PREMIUM_RATE' || type === 'SHARED_COST') return 'premium';
  return allowPrefixes.some((prefix) => number.startsWith(prefix)) ? 'allowed' : 'not-allowed';
}

/** Country calling codes of the given numbers as prefixes, `+1` and the like, each once: where a pool may dial unless it says otherwise. */
export function countryPrefixes(numbers: readonly string[]): readonly string[] {
  const prefixes = new Set<string>();
  for (const number of numbers) {
    const parsed = parsePhoneNumber(number);
    if (parsed !== undefined) prefixes.add(`+${parsed.countryCallingCode}`);
  }
  return [...prefixes].sort();
}

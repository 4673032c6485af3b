import parsePhoneNumber from 'libphonenumber-js/max';

/** Which numbers may be dialled. A leaked token must not become toll fraud, so what is not plainly allowed is refused. */

/** `allowed`, or why a number is never dialled. */
export type DestinationVerdict = 'allowed' | 'invalid' | 'premium' | 'not-allowed';

/**
 * Judges an E.164 number. `invalid` is what no numbering plan assigns; emergency numbers fall under it, because they are short codes that
 * have no E.164 form. `premium` (shared-cost numbers too) holds even when `allow`, countries and prefixes, names them.
 */
export function judgeDestination(number: string, allow: readonly string[]): DestinationVerdict {
  const parsed = parsePhoneNumber(number);
  if (parsed === undefined || parsed.number !== number || !parsed.isValid()) return 'invalid';
  const type = parsed.getType();
  if (type === 'PREMIUM_RATE' || type === 'SHARED_COST') return 'premium';
  return allow.some((place) => place === parsed.country || number.startsWith(place)) ? 'allowed' : 'not-allowed';
}

/**
 * Countries of the given numbers, each once: where a pool may dial unless it says otherwise. Not their calling codes, for expensive countries hide
 * behind those: a number in New York must not open Jamaica. A number of no country, such as +800, adds nothing.
 */
export function countriesOf(numbers: readonly string[]): readonly string[] {
  return [...new Set(numbers.flatMap((number) => parsePhoneNumber(number)?.country ?? []))].sort();
}

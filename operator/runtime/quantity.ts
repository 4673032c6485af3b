/** Amounts as Kubernetes writes them. The API server stores them in one form of its own: `1000m` comes back as `1`, `1024Mi` as `1Gi`. */

const decimal = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const binary = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const form = /^([+-]?)(\d{0,30})(?:\.(\d{0,30}))?(?:(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)|[eE]([+-]?\d{1,2}))?$/;

/** The amount in billionths, rounded away from zero as the API server does; undefined when it is no quantity. */
export function quantityInBillionths(text: string): bigint | undefined {
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', suffix = '', exponent = '0'] = match;
  if (whole === '' && fraction === '') return undefined;

  const { factor, powerOfTen } = unitOf(suffix, Number(exponent));
  const digits = BigInt(whole + fraction) * factor;
  const power = powerOfTen - fraction.length + 9;
  const size = power >= 0 ? digits * 10n ** BigInt(power) : divideUp(digits, 10n ** BigInt(-power));
  return sign === '-' ? -size : size;
}

function unitOf(suffix: string, exponent: number): { readonly factor: bigint; readonly powerOfTen: number } {
  const binaryPower = binary.indexOf(suffix);
  if (binaryPower >= 0) return { factor: 1_024n ** BigInt(binaryPower + 1), powerOfTen: 0 };
  return { factor: 1n, powerOfTen: suffix === '' ? exponent : (decimal.indexOf(suffix) - 3) * 3 };
}

function divideUp(amount: bigint, by: bigint): bigint {
  return (amount + by - 1n) / by;
}

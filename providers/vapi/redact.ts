import { isIPv4 } from 'node:net';

/** Runs that look like a phone number: digits with the usual separators, not part of a word, an id or a date. */
const separated = /(?<![\w-])\+?\d[\d ().-]{5,}\d(?![\w-])/g;
/** Any long run of digits, wherever it stands; ids of calls and assistants are kept whole. */
const bare = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\d{7,}/gi;

/** What follows an address in the network's errors. Without it, 12.34.56.78 may as well be a phone number. */
const port = /^:\d{1,5}(?!\d)/;

/** Text from outside made fit for logs and errors: phone numbers cut to their last two digits, bounded in length. */
export function redact(text: string, maxLength = 300): string {
  const lastTwo = (run: string) => `…${run.replaceAll(/\D/g, '').slice(-2)}`;
  const cut = text
    .slice(0, maxLength * 4)
    .replaceAll(separated, (run, offset: number, whole: string) =>
      isIPv4(run) && port.test(whole.slice(offset + run.length)) ? run : lastTwo(run),
    )
    .replaceAll(bare, (run) => (run.includes('-') ? run : lastTwo(run)));
  return cut.length <= maxLength ? cut : `${cut.slice(0, maxLength)}…`;
}

/** Shorter texts tell nothing about a person, and stand in every sentence. */
const minEchoLength = 3;

/** Text from outside without what it repeats of what we sent: longer texts first, and also where the end of the text cuts one off. */
export function withoutEchoes(text: string, sent: readonly string[]): string {
  const echoes = sent.filter((one) => one.length >= minEchoLength).toSorted((a, b) => b.length - a.length);
  let kept = text;
  for (const echo of echoes) {
    kept = kept.replaceAll(echo, '…');
    const end = kept.endsWith('…') ? kept.slice(0, -1) : kept;
    for (let length = Math.min(echo.length, end.length); length >= minEchoLength; length -= 1) {
      if (!end.endsWith(echo.slice(0, length))) continue;
      kept = `${end.slice(0, -length)}…`;
      break;
    }
  }
  return kept;
}

/** All texts in a JSON value, which may be a person's name or what they want. */
export function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

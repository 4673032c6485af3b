/** Runs that look like a phone number: digits with the usual separators, not part of a word, an id or a date. */
const separated = /(?<![\w-])\+?\d[\d ().-]{5,}\d(?![\w-])/g;
const bare = /\d{7,}/g;

/** Text from outside made fit for logs and errors: phone numbers cut to their last two digits, bounded in length. */
export function redact(text: string, maxLength = 300): string {
  const keepTwo = (run: string) => `…${run.replaceAll(/\D/g, '').slice(-2)}`;
  const cut = text
    .slice(0, maxLength * 4)
    .replaceAll(separated, keepTwo)
    .replaceAll(bare, keepTwo);
  return cut.length <= maxLength ? cut : `${cut.slice(0, maxLength)}…`;
}
